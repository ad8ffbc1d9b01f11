"""A letter too many: "wonderful" as "wonxderful"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from string import ascii_lowercase
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Rewrite, Site, Unit, each_word


@dataclass(frozen=True)
class InsertedLetters(Rewrite):
    """Up to `edits` letters of the Latin alphabet put into words of four letters and more, between two letters.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> InsertedLetters(edits=1).edited('cheap wine', [(2, 0)])
        'chaeap wine'
    """

    name: ClassVar[str] = "inserted_letters"
    unit: ClassVar[Unit] = "letter"

    def sites(self, text: str) -> Iterator[Site]:
        for start, end, _ in each_word(text, least=4):
            yield from (Site(place, place, tuple(ascii_lowercase)) for place in range(start + 1, end))
