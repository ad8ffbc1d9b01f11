"""Letters stored in another order than they are shown in, by marks of direction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Rewrite, Site, Unit, each_word


@dataclass(frozen=True)
class ReorderedDisplay(Rewrite):
    """Up to `edits` pairs of neighbouring letters stored the other way round between marks that show them as they were.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> ReorderedDisplay(edits=1).edited('good', [(0, 0)])
        '\u202eog\u202cod'

    Reference: Boucher et al. 2022, "Bad characters: imperceptible NLP attacks".
    """

    name: ClassVar[str] = "reordered_display"
    unit: ClassVar[Unit] = "letter"
    references: ClassVar[tuple[str, ...]] = ("boucher2022bad",)

    def sites(self, text: str) -> Iterator[Site]:
        for start, end, _ in each_word(text, least=2):
            for place in range(start, end - 1):
                if text[place] != text[place + 1]:
                    yield Site(place, place + 2, (f"\u202e{text[place + 1]}{text[place]}\u202c",))
