"""Hyphens between words that stand apart: "good wine" as "good-wine"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Rewrite, Site

_SPACE = re.compile(r"(?<=\w\w\w) (?=\w\w\w)")


@dataclass(frozen=True)
class NewHyphens(Rewrite):
    """Up to `edits` spaces between two words of three letters and more replaced by a hyphen.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> NewHyphens(edits=1).edited('good wine', [(4, 0)])
        'good-wine'
    """

    name: ClassVar[str] = "new_hyphens"

    def sites(self, text: str) -> Iterator[Site]:
        for found in _SPACE.finditer(text):
            yield Site(found.start(), found.end(), ("-",))
