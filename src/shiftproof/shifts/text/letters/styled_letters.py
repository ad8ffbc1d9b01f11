"""Letters from the mathematical alphabets of Unicode: "great" as "𝐠reat"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Rewrite, Site, Unit, each_word

_SMALL, _LARGE = (0x1D41A, 0x1D5BA, 0x1D68A), (0x1D400, 0x1D5A0, 0x1D670)
"""Where bold, sans-serif and monospaced letters begin."""


def _styled(letter: str) -> tuple[str, ...]:
    if "a" <= letter <= "z":
        return tuple(chr(first + ord(letter) - ord("a")) for first in _SMALL)
    return tuple(chr(first + ord(letter) - ord("A")) for first in _LARGE) if "A" <= letter <= "Z" else ()


@dataclass(frozen=True)
class StyledLetters(Rewrite):
    """Up to `edits` letters replaced by their bold, italic or monospaced forms in Unicode, as in names on social networks.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> StyledLetters(edits=1).edited('great', [(0, 0)])
        '𝐠reat'
    """

    name: ClassVar[str] = "styled_letters"
    unit: ClassVar[Unit] = "letter"

    def sites(self, text: str) -> Iterator[Site]:
        for start, end, _ in each_word(text):
            yield from (Site(place, place + 1, _styled(text[place])) for place in range(start, end))
