"""Neighbouring letters swapped: "wonderful" as "wodnerful"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.byte_masks import unlike_pairs
from shiftproof.shifts.text.rewrite import OnDemand, Rewrite, Site, Sites, Unit, each_word


@dataclass(frozen=True)
class SwappedLetters(Rewrite):
    """Up to `edits` pairs of different neighbouring letters inside words swapped, never the first or last letter of a word.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> SwappedLetters(edits=1).edited('cheap wine', [(1, 0)])
        'cehap wine'

    Reference: Belinkov & Bisk 2018, "Synthetic and natural noise both break neural machine translation".
    """

    name: ClassVar[str] = "swapped_letters"
    unit: ClassVar[Unit] = "letter"
    references: ClassVar[tuple[str, ...]] = ("belinkov2018synthetic",)

    def sites(self, text: str) -> Iterator[Site]:
        return (Site(place, *piece) for place, piece in self.find(text).at.items())

    def find(self, text: str) -> Sites:
        if text.isascii():
            places = unlike_pairs(text)
        else:
            inner = [range(start + 1, end - 2) for start, end, _ in each_word(text, least=4)]
            places = tuple([place for within in inner for place in within if text[place] != text[place + 1]])
        return Sites(places, OnDemand(places, lambda place: (place + 2, (text[place + 1] + text[place],))))
