"""Articles left out, as learners write: "it is good film"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Rewrite, Site

_ARTICLES = re.compile(r"(?<![\w'])(?:a|an|the) +", re.IGNORECASE)


@dataclass(frozen=True)
class DroppedArticles(Rewrite):
    """Up to `edits` of the words a, an and the left out.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> DroppedArticles(edits=1).edited('a good film', [(0, 0)])
        'good film'
    """

    name: ClassVar[str] = "dropped_articles"

    def sites(self, text: str) -> Iterator[Site]:
        for found in _ARTICLES.finditer(text):
            yield Site(found.start(), found.end(), ("",))
