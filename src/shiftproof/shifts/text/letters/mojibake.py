"""Text read in the wrong encoding: an apostrophe as "â€™", an é as "Ã©"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Rewrite, Site, Unit

_TYPOGRAPHIC = {"'": "\u2019", '"': "\u201d", "-": "\u2013", "`": "\u2018"}
"""What word processors make of what was typed, before it is read wrongly."""


@dataclass(frozen=True)
class Mojibake(Rewrite):
    """Up to `edits` quotes, dashes and letters beyond ASCII as they look when UTF-8 is read as Windows-1252.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> Mojibake(edits=1).edited("it's", [(2, 0)])
        'itâ€™s'
    """

    name: ClassVar[str] = "mojibake"
    unit: ClassVar[Unit] = "letter"

    def sites(self, text: str) -> Iterator[Site]:
        for place, letter in enumerate(text):
            meant = _TYPOGRAPHIC.get(letter, letter)
            if not meant.isascii():
                yield Site(place, place + 1, (meant.encode().decode("cp1252", "replace"),))
