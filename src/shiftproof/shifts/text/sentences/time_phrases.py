"""When it was: "Yesterday, ...", "... last year"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Framing


@dataclass(frozen=True)
class TimePhrases(Framing):
    """A phrase of time put before a text or after it.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> TimePhrases(edits=1).edited('good', [(0, 0)])
        'yesterday , good'
    """

    name: ClassVar[str] = "time_phrases"

    before: ClassVar[tuple[str, ...]] = (
        "yesterday , ",
        "last week , ",
        "in 1998 , ",
        "on monday , ",
    )
    after: ClassVar[tuple[str, ...]] = (
        " , last night",
        " , in 2031",
        " , this morning",
    )
