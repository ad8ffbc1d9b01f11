"""Hyphens that show at the end of a line only, as in text copied from pages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Rewrite, Site, Unit, each_word


@dataclass(frozen=True)
class SoftHyphens(Rewrite):
    r"""Up to `edits` soft hyphens (U+00AD) put into words of five letters and more, two letters from either end.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> SoftHyphens(edits=1).edited('cheap', [(2, 0)])
        'ch\xadeap'
    """

    name: ClassVar[str] = "soft_hyphens"
    unit: ClassVar[Unit] = "letter"

    def sites(self, text: str) -> Iterator[Site]:
        for start, end, _ in each_word(text, least=5):
            yield from (Site(place, place, ("\u00ad",)) for place in range(start + 2, end - 1))
