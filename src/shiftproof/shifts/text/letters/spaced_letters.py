"""Words with spaces between their letters: "g r e a t"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Rewrite, Site, each_word


@dataclass(frozen=True)
class SpacedLetters(Rewrite):
    """Up to `edits` words of three letters and more written with a space, a dot or a hyphen between all letters.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> SpacedLetters(edits=1).edited('so good', [(3, 0)])
        'so g o o d'
    """

    name: ClassVar[str] = "spaced_letters"

    def sites(self, text: str) -> Iterator[Site]:
        for start, end, word in each_word(text, least=3):
            yield Site(start, end, (" ".join(word), ".".join(word), "-".join(word)))
