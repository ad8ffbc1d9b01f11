"""Letters replaced by any other: "wonderful" as "wonderqul"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from string import ascii_lowercase
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Rewrite, Site, Unit, each_word


@dataclass(frozen=True)
class RandomLetters(Rewrite):
    """Up to `edits` letters inside words replaced by any other letter of the Latin alphabet, in small letters.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> RandomLetters(edits=1).edited('cheap wine', [(2, 0)])
        'chaap wine'
    """

    name: ClassVar[str] = "random_letters"
    unit: ClassVar[Unit] = "letter"

    def sites(self, text: str) -> Iterator[Site]:
        for start, end, _ in each_word(text, least=4):
            for place in range(start + 1, end - 1):
                yield Site(place, place + 1, tuple(letter for letter in ascii_lowercase if letter != text[place]))
