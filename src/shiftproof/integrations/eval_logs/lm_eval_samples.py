"""Samples of lm-eval: the JSONL files that `--log_samples` writes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from shiftproof._errors import UsageError
from shiftproof.integrations.eval_logs.log_row import LogRow, ReadLog, chosen, messages_text, score_of

TOOL = "lm-eval"


def is_sample(row: object) -> bool:
    """Whether a line is a sample of lm-eval."""
    return isinstance(row, dict) and {"doc_id", "doc", "resps", "target"} <= row.keys()


def read_samples(path: Path, lines: Sequence[Mapping[str, Any]], score: str | None) -> ReadLog:
    """A file of samples; a score is METRIC, or METRIC,FILTER where answers were filtered in several ways."""
    try:
        names = list(dict.fromkeys(name for line in lines for name in _scores(line)))
        filters = {str(line.get("filter", "none")) for line in lines}
        if len(filters) == 1 and score is not None and "," not in score:
            score = f"{score},{next(iter(filters))}"
        scorer = chosen("score", names, score, str(path), "--score")
        rows = [_row(line, scorer, str(path)) for line in lines if str(line.get("filter", "none")) == scorer.partition(",")[2]]
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise UsageError(f"The samples '{path}' are not as lm-eval writes them ({type(error).__name__}: {error}).") from error
    return ReadLog(path, TOOL, path.parent.name or "model", scorer, rows)


def _scores(line: Mapping[str, Any]) -> list[str]:
    """Its scores that are numbers, METRIC,FILTER each."""
    metrics = line.get("metrics") or [name for name, value in line.items() if isinstance(value, int | float) and name != "doc_id"]
    return [f"{name},{line.get('filter', 'none')}" for name in metrics if isinstance(line.get(name), int | float)]


def _row(line: Mapping[str, Any], scorer: str, where: str) -> LogRow:
    value = score_of(line.get(scorer.partition(",")[0]), f"the sample {line['doc_id']} of '{where}'")
    arguments, said = line.get("arguments") or {}, line.get("filtered_resps") or line["resps"]
    first = next(iter(arguments.values()), {}) if isinstance(arguments, dict) else arguments[0]
    prompt = _prompt(first.get("arg_0", "") if isinstance(first, dict) else first[0])
    answer = said[0]
    while isinstance(answer, list) and answer:
        answer = answer[0]
    doc = line["doc"] if isinstance(line["doc"], dict) else {}
    return LogRow(str(line["doc_id"]), prompt, str(answer), str(line["target"]), value, doc)


def _prompt(given: object) -> str:
    """A prompt as it was sent: a text, or under a chat template messages in JSON."""
    one = given[0] if isinstance(given, list) and given else given
    if isinstance(one, str) and one.startswith('[{"role"'):
        with suppress(ValueError):
            return messages_text(json.loads(one))
    return str(one)
