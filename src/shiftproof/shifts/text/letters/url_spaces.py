"""Spaces as addresses write them: "good%20wine"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Rewrite, Site, Unit


@dataclass(frozen=True)
class UrlSpaces(Rewrite):
    """Up to `edits` spaces written as %20, + or _.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> UrlSpaces(edits=1).edited('good wine', [(4, 0)])
        'good%20wine'
    """

    name: ClassVar[str] = "url_spaces"
    unit: ClassVar[Unit] = "letter"

    def sites(self, text: str) -> Iterator[Site]:
        for place, letter in enumerate(text):
            if letter == " ":
                yield Site(place, place + 1, ("%20", "+", "_"))
