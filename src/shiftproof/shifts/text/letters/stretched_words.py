"""Vowels drawn out: "so" as "sooo"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Rewrite, Site, each_word


@dataclass(frozen=True)
class StretchedWords(Rewrite):
    """Up to `edits` words with one vowel written three or five times.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> StretchedWords(edits=1).edited('so good', [(1, 0)])
        'sooo good'
    """

    name: ClassVar[str] = "stretched_words"

    def sites(self, text: str) -> Iterator[Site]:
        for start, end, _ in each_word(text, least=2):
            for place in range(start, end):
                if text[place] in "aeiouAEIOU":
                    yield Site(place, place + 1, (3 * text[place], 5 * text[place]))
                    break
