"""Letters left out: "wonderful" as "wondrful"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Rewrite, Site, Unit, each_word


@dataclass(frozen=True)
class DroppedLetters(Rewrite):
    """Up to `edits` letters inside words left out, never the first or last of a word, nor one of a word of three letters or fewer.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> DroppedLetters(edits=1).edited('cheap wine', [(1, 0)])
        'ceap wine'

    Reference: Pruthi et al. 2019, "Combating adversarial misspellings with robust word recognition".
    """

    name: ClassVar[str] = "dropped_letters"
    unit: ClassVar[Unit] = "letter"
    references: ClassVar[tuple[str, ...]] = ("pruthi2019combating",)

    def sites(self, text: str) -> Iterator[Site]:
        for start, end, _ in each_word(text, least=4):
            yield from (Site(place, place + 1, ("",)) for place in range(start + 1, end - 1))
