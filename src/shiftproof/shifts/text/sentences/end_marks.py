"""Other ends: "!!!", "..."."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Framing


@dataclass(frozen=True)
class EndMarks(Framing):
    """Marks put at the end of a text.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> EndMarks(edits=1).edited('good', [(4, 0)])
        'good!'
    """

    name: ClassVar[str] = "end_marks"

    after: ClassVar[tuple[str, ...]] = (
        "!",
        "!!!",
        "...",
        " ...",
        "?!",
        " ~",
    )
