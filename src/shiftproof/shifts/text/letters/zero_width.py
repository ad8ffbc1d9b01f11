"""Characters of no width inside words: nobody sees them, and a tokenizer sees other words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Rewrite, Site, Unit, each_word

_NO_WIDTH = ("\u200b", "\u200d", "\u200c", "\u2060")


@dataclass(frozen=True)
class ZeroWidth(Rewrite):
    """Up to `edits` characters of no width put between the letters of words: space, joiner, non-joiner, word joiner.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> ZeroWidth(edits=1).edited('good', [(2, 0)])
        'go\u200bod'

    Reference: Boucher et al. 2022, "Bad characters: imperceptible NLP attacks".
    """

    name: ClassVar[str] = "zero_width"
    unit: ClassVar[Unit] = "letter"
    references: ClassVar[tuple[str, ...]] = ("boucher2022bad",)

    def sites(self, text: str) -> Iterator[Site]:
        for start, end, _ in each_word(text, least=2):
            yield from (Site(place, place, _NO_WIDTH) for place in range(start + 1, end))
