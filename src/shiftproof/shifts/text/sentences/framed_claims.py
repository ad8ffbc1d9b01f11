"""Who says it: "I think that ..."."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Framing


@dataclass(frozen=True)
class FramedClaims(Framing):
    """A frame put before a text that says who holds it true.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> FramedClaims(edits=1).edited('it works', [(0, 0)])
        'i think that it works'
    """

    name: ClassVar[str] = "framed_claims"

    before: ClassVar[tuple[str, ...]] = (
        "i think that ",
        "i feel that ",
        "in my opinion , ",
        "we found that ",
        "it is clear that ",
    )
