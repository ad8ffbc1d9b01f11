"""Words as tags: "good" as "#good"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Rewrite, Site, each_word


@dataclass(frozen=True)
class Hashtags(Rewrite):
    """Up to `edits` words of four letters and more written as a tag.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> Hashtags(edits=1).edited('good wine', [(0, 0)])
        '#good wine'
    """

    name: ClassVar[str] = "hashtags"

    def sites(self, text: str) -> Iterator[Site]:
        for start, _, _ in each_word(text, least=4):
            yield Site(start, start, ("#",))
