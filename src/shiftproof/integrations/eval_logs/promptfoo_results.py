"""Results of promptfoo: the JSON file that `promptfoo eval --output` writes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shiftproof._errors import UsageError
from shiftproof.integrations.eval_logs.log_row import LogRow, ReadLog, chosen, score_of

TOOL = "promptfoo"
_ERROR = 2
"""`failureReason` of a result whose request failed, so that there is no answer."""


def is_results(content: object) -> bool:
    """Whether a JSON object is a file of results."""
    results = content.get("results") if isinstance(content, dict) else None
    return isinstance(results, dict) and isinstance(results.get("results"), list)


def read_results(path: Path, content: Mapping[str, Any], score: str | None, model: str | None) -> ReadLog:
    """A file of results: each test is an item, and each of several prompts a variant of it.

    The score is whether the test passed, or the named score of that name.
    """
    try:
        rows = content["results"]["results"]
        models = list(dict.fromkeys(_provider(row) for row in rows))
        meant = chosen("model", models, model, str(path), "--model")
        own = [row for row in rows if _provider(row) == meant]
        prompts = {row.get("promptIdx", 0): None for row in own}
        found = [_row(row, score, str(path), several=len(prompts) > 1) for row in own]
    except (KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"The results '{path}' are not as promptfoo writes them ({type(error).__name__}: {error}).") from error
    return ReadLog(path, TOOL, meant, score or "success", found)


def _provider(row: Mapping[str, Any]) -> str:
    provider = row["provider"]
    return str(provider.get("label") or provider["id"]) if isinstance(provider, dict) else str(provider)


def _row(row: Mapping[str, Any], score: str | None, where: str, *, several: bool) -> LogRow:
    case, response = row.get("testCase") or {}, row.get("response") or {}
    value: object = row["success"] if score is None else (row.get("namedScores") or {}).get(score)
    if score is not None and value is None:
        raise UsageError(f"A result of '{where}' has no named score '{score}'. Leave --score out: whether the test passed is then read.")
    silent = row.get("failureReason") == _ERROR or (bool(row.get("error")) and response.get("output") is None)
    expected = [str(one["value"]) for one in case.get("assert") or [] if isinstance(one, dict) and "value" in one]
    place = row.get("promptIdx", 0)
    label = str((row.get("prompt") or {}).get("label") or place)
    return LogRow(
        name=str(row.get("testIdx", case.get("description", ""))),
        prompt=str((row.get("prompt") or {}).get("raw", "")),
        said=str(response.get("output") if response.get("output") is not None else ""),
        target=" / ".join(expected),
        score=None if silent else score_of(value, f"a result of '{where}'"),
        metadata={**(row.get("vars") or {}), **(case.get("metadata") or {})},
        variant=f"prompt {place}: {label[:60]}" if several else "",
    )
