"""Punctuation where none belongs: a comma after any word."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Rewrite, Site, Unit, each_word


@dataclass(frozen=True)
class AddedPunctuation(Rewrite):
    """Up to `edits` words followed by a comma, a dot, three dots or a dash.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> AddedPunctuation(edits=1).edited('good wine', [(4, 0)])
        'good, wine'
    """

    name: ClassVar[str] = "added_punctuation"
    unit: ClassVar[Unit] = "letter"

    def sites(self, text: str) -> Iterator[Site]:
        for _, end, _ in each_word(text):
            yield Site(end, end, (",", ".", "...", " -"))
