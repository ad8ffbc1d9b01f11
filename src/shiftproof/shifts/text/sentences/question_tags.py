"""A question that expects no answer put at the end: ", right?"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Framing


@dataclass(frozen=True)
class QuestionTags(Framing):
    """A tag put at the end of a text.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> QuestionTags(edits=1).edited('good', [(4, 0)])
        'good , right ?'
    """

    name: ClassVar[str] = "question_tags"

    after: ClassVar[tuple[str, ...]] = (
        " , right ?",
        " , is n't it ?",
        " , you know ?",
        " , huh ?",
        " , no ?",
    )
