"""What every log comes down to: rows, each one answer of a model; and how their scores are read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shiftproof._errors import UsageError, must, unknown

ITEM_KEYS, VARIANT_KEYS = ("sp_item", "item"), ("sp_variant", "variant")
"""Under which keys of its metadata a row says which item it is, and which variant of it: first those that exported sets have."""


@dataclass(frozen=True)
class LogRow:
    """One answer.

    Args:
        name: of the sample in its log.
        prompt: what was asked.
        said: what was answered.
        target: what is accepted.
        score: how right the answer is, in [0, 1]; None where none came.
        metadata: what the log keeps of the sample.
        variant: of logs that have variants of their own; empty in others.
    """

    name: str
    prompt: str
    said: str
    target: str
    score: float | None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    variant: str = ""


@dataclass(frozen=True)
class ReadLog:
    """One file.

    Args:
        path: of the file.
        tool: that wrote it.
        model: that answered.
        scorer: what called the answers right.
        rows: at least one.
    """

    path: Path
    tool: str
    model: str
    scorer: str
    rows: Sequence[LogRow]


_MARKS = {"C": 1.0, "I": 0.0, "P": 0.5, "N": 0.0}
"""Correct, incorrect, partial and no answer, as inspect marks them."""


def score_of(value: object, where: str) -> float | None:
    """A score as a number in [0, 1]; None where there is none.

    >>> score_of("C", "x"), score_of(True, "x"), score_of(0.25, "x"), score_of(None, "x")
    (1.0, 1.0, 0.25, None)
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, str) and value in _MARKS:
        return _MARKS[value]
    if isinstance(value, bool | int | float) and 0 <= value <= 1:
        return float(value)
    raise must("score", where, "be in [0, 1], or C, I, P or N", value, "Name another score with --score.")


def chosen(what: str, names: Sequence[str], asked: str | None, where: str, option: str) -> str:
    """The one of several scores or models that is meant.

    Raises:
        UsageError: there is none, or there are several and none was named.
    """
    if asked is not None:
        if asked not in names:
            raise unknown(f"{what} of '{where}'", asked, names)
        return asked
    if not names:
        raise UsageError(f"The log '{where}' has no {what}. Log one that is a number in [0, 1].")
    if len(names) > 1:
        raise UsageError(f"The log '{where}' has several {what}s: {', '.join(names)}. Name one with {option}.")
    return names[0]


def messages_text(messages: object) -> str:
    """Messages as a transcript; one message alone as its text.

    >>> print(messages_text([{"role": "system", "content": "Be brief."}, {"role": "user", "content": [{"type": "text", "text": "Why?"}]}]))
    system: Be brief.
    user: Why?
    """
    if isinstance(messages, str):
        return messages
    if not isinstance(messages, list):
        return "" if messages is None else str(messages)
    said = [(str(one.get("role", "")), _content(one.get("content"))) for one in messages if isinstance(one, dict)]
    return said[0][1] if len(said) == 1 else "\n".join(f"{role}: {text}" for role, text in said)


def _content(content: object) -> str:
    if isinstance(content, list):
        return " ".join(str(part.get("text", f"[{part.get('type', 'part')}]")) for part in content if isinstance(part, dict))
    return "" if content is None else str(content)
