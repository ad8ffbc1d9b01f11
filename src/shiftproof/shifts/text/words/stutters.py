"""The start of a word twice: "th-the film"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Rewrite, Site, each_word


@dataclass(frozen=True)
class Stutters(Rewrite):
    """Up to `edits` words whose first letter, or first two, are said twice.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> Stutters(edits=1).edited('the film', [(0, 0)])
        't-the film'
    """

    name: ClassVar[str] = "stutters"

    def sites(self, text: str) -> Iterator[Site]:
        for start, _, word in each_word(text, least=3):
            yield Site(start, start, (f"{word[0]}-", f"{word[:2]}-", f"{word[0]}-{word[0]}-"))
