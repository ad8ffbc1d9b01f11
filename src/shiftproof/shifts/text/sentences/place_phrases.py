"""Where it was: "In Nairobi, ..."."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Framing


@dataclass(frozen=True)
class PlacePhrases(Framing):
    """A phrase of place put before a text or after it.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> PlacePhrases(edits=1).edited('good', [(0, 0)])
        'in Nairobi , good'
    """

    name: ClassVar[str] = "place_phrases"

    before: ClassVar[tuple[str, ...]] = (
        "in Nairobi , ",
        "in a small town , ",
        "over in Lima , ",
        "at home , ",
    )
    after: ClassVar[tuple[str, ...]] = (
        " , here in Hanoi",
        " , in our village",
        " , at the mall",
    )
