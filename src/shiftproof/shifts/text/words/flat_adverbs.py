"""Adverbs without their ending: "quickly" as "quick"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Rewrite, Site, each_word

_STAY = frozenset(
    (
        "family", "reply", "supply", "apply", "lovely", "lonely", "friendly", "comply", "deadly", "lively", "likely", "assembly",
        "italy", "july", "early", "costly", "ghostly", "elderly", "unlikely", "butterfly", "daily", "silly", "holly", "only",
        "belly", "bully", "jelly", "rally", "tally", "gently",
    )
)  # fmt: skip


@dataclass(frozen=True)
class FlatAdverbs(Rewrite):
    """Up to `edits` words in -ly without it, where an adjective is left that people write so.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> FlatAdverbs(edits=1).edited('really good', [(0, 0)])
        'real good'
    """

    name: ClassVar[str] = "flat_adverbs"

    def sites(self, text: str) -> Iterator[Site]:
        for start, end, word in each_word(text, least=5):
            low = word.lower()
            if low.endswith("ly") and low not in _STAY:
                stem = f"{word[:-3]}y" if low.endswith("ily") else f"{word[:-1]}e" if low.endswith(("bly", "mply", "tly")) else word[:-2]
                yield Site(start, end, (word[:-2] if low.endswith(("ntly", "ctly", "stly", "etly", "rtly", "htly")) else stem,))
