"""A word typed twice: "the the film"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Rewrite, Site, each_word


@dataclass(frozen=True)
class DoubledWords(Rewrite):
    """Up to `edits` words written twice in a row.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> DoubledWords(edits=1).edited('good wine', [(4, 0)])
        'good good wine'
    """

    name: ClassVar[str] = "doubled_words"

    def sites(self, text: str) -> Iterator[Site]:
        for _, end, word in each_word(text):
            yield Site(end, end, (f" {word}",))
