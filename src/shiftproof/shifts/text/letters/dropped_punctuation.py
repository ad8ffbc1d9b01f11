"""Commas, dots and apostrophes left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Rewrite, Site, Unit

_MARKS = frozenset(".,;:!?'\"-()`\u2019")


@dataclass(frozen=True)
class DroppedPunctuation(Rewrite):
    """Up to `edits` marks of punctuation left out.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> DroppedPunctuation(edits=1).edited('good, cheap', [(4, 0)])
        'good cheap'
    """

    name: ClassVar[str] = "dropped_punctuation"
    unit: ClassVar[Unit] = "letter"

    def sites(self, text: str) -> Iterator[Site]:
        for place, letter in enumerate(text):
            if letter in _MARKS:
                yield Site(place, place + 1, ("",))
