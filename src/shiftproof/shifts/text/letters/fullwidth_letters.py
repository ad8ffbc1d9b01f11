"""Letters of double width: "great" as "ｇreat"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Rewrite, Site, Unit


@dataclass(frozen=True)
class FullwidthLetters(Rewrite):
    """Up to `edits` characters of ASCII replaced by their full-width forms, as East Asian keyboards type them.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> FullwidthLetters(edits=1).edited('great', [(0, 0)])
        'ｇreat'
    """

    name: ClassVar[str] = "fullwidth_letters"
    unit: ClassVar[Unit] = "letter"

    def sites(self, text: str) -> Iterator[Site]:
        for place, letter in enumerate(text):
            if "!" <= letter <= "~":
                yield Site(place, place + 1, (chr(ord(letter) + 0xFEE0),))
