"""Words without their vowels: "great" as "grt"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Rewrite, Site, each_word


@dataclass(frozen=True)
class DroppedVowels(Rewrite):
    """Up to `edits` words of four letters and more without the vowels inside them.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> DroppedVowels(edits=1).edited('great wine', [(0, 0)])
        'grt wine'
    """

    name: ClassVar[str] = "dropped_vowels"

    def sites(self, text: str) -> Iterator[Site]:
        for start, end, word in each_word(text, least=4):
            short = word[0] + "".join(letter for letter in word[1:-1] if letter not in "aeiouAEIOU") + word[-1]
            if short != word:
                yield Site(start, end, (short,))
