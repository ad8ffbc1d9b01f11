"""What a language model answers beside its text, and how an answer is written down."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from shiftproof.models.unanswered import Refusal


class TextReply(str):
    """An answer of a language model: a text that knows how likely its first token was among others.

    Args:
        text: what it says.
        top: log-probabilities in nats of tokens that it might have begun with, by token; empty where the endpoint gives none.

    >>> TextReply("B", {"B": -0.1, " A": -2.5}).top[" A"]
    -2.5
    """

    __slots__ = ("top",)
    top: Mapping[str, float]

    def __new__(cls, text: str, top: Mapping[str, float] | None = None) -> TextReply:
        made = super().__new__(cls, text)
        made.top = dict(top or {})
        return made

    def __reduce__(self) -> tuple[type[TextReply], tuple[str, Mapping[str, float]]]:
        return TextReply, (str(self), self.top)


def as_json(answer: object) -> str:
    """An answer (a text, a reply, a refusal, a number, or numbers) as JSON from which `from_json` makes the same again."""
    if isinstance(answer, TextReply):
        return json.dumps({"text": str(answer), "top": dict(answer.top)})
    if isinstance(answer, Refusal):
        return json.dumps({"refused": str(answer)})
    return json.dumps(answer.tolist() if isinstance(answer, Tensor) else answer)


def from_json(written: str) -> Any:
    """The answer that `as_json` wrote; numbers as a list."""
    found = json.loads(written)
    if not isinstance(found, dict):
        return found
    return Refusal(found["refused"]) if "refused" in found else TextReply(found["text"], found["top"])
