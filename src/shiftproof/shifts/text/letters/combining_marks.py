"""Marks drawn over or through letters: "great" struck through."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Rewrite, Site, Unit, each_word

_MARKS = ("\u0336", "\u0332", "\u030a", "\u0303")


@dataclass(frozen=True)
class CombiningMarks(Rewrite):
    """Up to `edits` letters followed by a combining mark: a stroke, a line below, a ring, a tilde.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> CombiningMarks(edits=1).edited('good', [(1, 0)])
        'g̶ood'
    """

    name: ClassVar[str] = "combining_marks"
    unit: ClassVar[Unit] = "letter"

    def sites(self, text: str) -> Iterator[Site]:
        for start, end, _ in each_word(text):
            yield from (Site(place, place, _MARKS) for place in range(start + 1, end + 1))
