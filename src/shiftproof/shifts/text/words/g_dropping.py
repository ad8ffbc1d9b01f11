"""The g of -ing left out: "charming" as "charmin'"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Rewrite, Site, each_word


@dataclass(frozen=True)
class GDropping(Rewrite):
    """Up to `edits` words in -ing written with -in' or -in.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> GDropping(edits=1).edited('charming film', [(0, 0)])
        "charmin' film"
    """

    name: ClassVar[str] = "g_dropping"

    def sites(self, text: str) -> Iterator[Site]:
        for start, end, word in each_word(text, least=5):
            if word.lower().endswith("ing"):
                yield Site(start, end, (f"{word[:-1]}'", word[:-1]))
