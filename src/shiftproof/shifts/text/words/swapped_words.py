"""Two neighbouring words swapped: "wine good"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Rewrite, Site, each_word

_NEGATES = frozenset({"not", "no", "never", "without", "nothing", "hardly", "but"})
"""Words whose place says what they deny: they stay."""


@dataclass(frozen=True)
class SwappedWords(Rewrite):
    """Up to `edits` pairs of different neighbouring words swapped.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> SwappedWords(edits=1).edited('good wine', [(0, 0)])
        'wine good'
    """

    name: ClassVar[str] = "swapped_words"

    def sites(self, text: str) -> Iterator[Site]:
        words = [*each_word(text)]
        for (start, end, one), (after, last, two) in pairwise(words):
            if one.lower() != two.lower() and text[end:after] == " " and not _NEGATES & {one.lower(), two.lower()}:
                yield Site(start, last, (f"{two} {one}",))
