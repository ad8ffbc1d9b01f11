"""Words that say nothing: "um", "like", "you know"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Rewrite, Site

_BETWEEN = re.compile(r"(?<=\w) (?=\w)")
_FILLERS = (" um", " uh", " like", ", you know,", " er", ", i mean,", " basically", " well")


@dataclass(frozen=True)
class Fillers(Rewrite):
    """Up to `edits` fillers of speech put between two words.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> Fillers(edits=1).edited('good wine', [(4, 0)])
        'good um wine'
    """

    name: ClassVar[str] = "fillers"

    def sites(self, text: str) -> Iterator[Site]:
        for found in _BETWEEN.finditer(text):
            yield Site(found.start(), found.start(), _FILLERS)
