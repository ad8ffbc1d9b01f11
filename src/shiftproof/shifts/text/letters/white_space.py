"""Other white space between words: two spaces, a tab, a new line, one that does not break."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Rewrite, Site, Unit

_SPACES = re.compile(r"(?<=\S)\s+(?=\S)")
_OTHERS = ("  ", "\t", "\n", "\u00a0")


@dataclass(frozen=True)
class WhiteSpace(Rewrite):
    """Up to `edits` runs of white space replaced by another: two spaces, a tab, a line break, or a space that does not break.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> WhiteSpace(edits=1).edited('good wine', [(4, 0)])
        'good  wine'
    """

    name: ClassVar[str] = "white_space"
    unit: ClassVar[Unit] = "letter"

    def sites(self, text: str) -> Iterator[Site]:
        for found in _SPACES.finditer(text):
            yield Site(found.start(), found.end(), tuple(space for space in _OTHERS if space != found[0]))
