"""A space inside a word: "wonderful" as "wonder ful"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Rewrite, Site, Unit, each_word


@dataclass(frozen=True)
class SplitWords(Rewrite):
    """Up to `edits` words split in two by a space, two letters from either end at least.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> SplitWords(edits=1).edited('cheap', [(2, 0)])
        'ch eap'
    """

    name: ClassVar[str] = "split_words"
    unit: ClassVar[Unit] = "letter"

    def sites(self, text: str) -> Iterator[Site]:
        for start, end, _ in each_word(text, least=4):
            yield from (Site(place, place, (" ",)) for place in range(start + 2, end - 1))
