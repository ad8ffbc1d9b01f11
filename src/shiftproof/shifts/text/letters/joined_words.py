"""A space left out: "good wine" as "goodwine"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Rewrite, Site, Unit

_BETWEEN = re.compile(r"(?<=\w) +(?=\w)")


@dataclass(frozen=True)
class JoinedWords(Rewrite):
    """Up to `edits` spaces between two words left out.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> JoinedWords(edits=1).edited('good wine', [(4, 0)])
        'goodwine'
    """

    name: ClassVar[str] = "joined_words"
    unit: ClassVar[Unit] = "letter"

    def sites(self, text: str) -> Iterator[Site]:
        for found in _BETWEEN.finditer(text):
            yield Site(found.start(), found.end(), ("",))
