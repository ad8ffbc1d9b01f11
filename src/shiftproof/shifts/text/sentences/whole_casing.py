"""A whole text in capitals, in small letters, with all first capitals, or in turns: "gOoD wInE"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Rewrite, Site, Unit


@dataclass(frozen=True)
class WholeCasing(Rewrite):
    """A whole text in another case: one edit, of which there is one.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> WholeCasing(edits=1).edited('good wine', [(0, 0)])
        'GOOD WINE'
    """

    name: ClassVar[str] = "whole_casing"
    unit: ClassVar[Unit] = "sentence"

    def sites(self, text: str) -> Iterator[Site]:
        turns = "".join(letter.upper() if place % 2 else letter.lower() for place, letter in enumerate(text))
        forms = dict.fromkeys((text.upper(), text.lower(), text.title(), turns, text.swapcase()))
        yield Site(0, len(text), tuple(form for form in forms if form != text))
