"""Letters typed twice: "wonderful" as "wondderful"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Rewrite, Site, Unit, each_word


@dataclass(frozen=True)
class DoubledLetters(Rewrite):
    """Up to `edits` letters inside words typed twice.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> DoubledLetters(edits=1).edited('cheap wine', [(2, 0)])
        'cheeap wine'
    """

    name: ClassVar[str] = "doubled_letters"
    unit: ClassVar[Unit] = "letter"

    def sites(self, text: str) -> Iterator[Site]:
        for start, end, _ in each_word(text, least=3):
            yield from (Site(place, place + 1, (2 * text[place],)) for place in range(start + 1, end))
