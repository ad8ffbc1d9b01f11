"""Compounds written otherwise: "feel-good" as "feel good" or "feelgood"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Rewrite, Site

_HYPHEN = re.compile(r"(?<=\w)-(?=\w)")


@dataclass(frozen=True)
class Hyphens(Rewrite):
    """Up to `edits` hyphens inside compounds left out, or replaced by a space.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> Hyphens(edits=1).edited('feel-good', [(4, 0)])
        'feel good'
    """

    name: ClassVar[str] = "hyphens"

    def sites(self, text: str) -> Iterator[Site]:
        for found in _HYPHEN.finditer(text):
            yield Site(found.start(), found.end(), (" ", ""))
