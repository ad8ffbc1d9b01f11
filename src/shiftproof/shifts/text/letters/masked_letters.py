"""Letters hidden by a sign: "great" as "gr*at"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Rewrite, Site, Unit, each_word


@dataclass(frozen=True)
class MaskedLetters(Rewrite):
    """Up to `edits` letters inside words of four letters and more replaced by an asterisk, a dot or an underscore.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> MaskedLetters(edits=1).edited('great', [(2, 0)])
        'gr*at'
    """

    name: ClassVar[str] = "masked_letters"
    unit: ClassVar[Unit] = "letter"

    def sites(self, text: str) -> Iterator[Site]:
        for start, end, _ in each_word(text, least=4):
            yield from (Site(place, place + 1, ("*", ".", "_")) for place in range(start + 1, end - 1))
