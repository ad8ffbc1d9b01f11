"""Words broken at the end of a line: "wonder-" and "ful" below."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Rewrite, Site, Unit, each_word


@dataclass(frozen=True)
class LineEndHyphens(Rewrite):
    r"""Up to `edits` words of six letters and more broken by a hyphen and a line end, three letters from either end at least.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> LineEndHyphens(edits=1).edited('wonderful', [(6, 0)])
        'wonder-\nful'
    """

    name: ClassVar[str] = "line_end_hyphens"
    unit: ClassVar[Unit] = "letter"

    def sites(self, text: str) -> Iterator[Site]:
        for start, end, _ in each_word(text, least=6):
            yield from (Site(place, place, ("-\n", "- ")) for place in range(start + 3, end - 2))
