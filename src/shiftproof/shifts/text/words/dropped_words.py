"""Small words left out, as in headlines: "film about love, told with wit"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Rewrite, Site

_SMALL = re.compile(
    r"(?<![\w'])(?:a|an|the|it|its|this|that|is|are|was|were|be|been|of|to|in|on|for|with|as|by|at|and|i|you|he|she|we|they|has|have) +",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class DroppedWords(Rewrite):
    """Up to `edits` small words that carry grammar and no content left out: pronouns, prepositions, auxiliaries, articles.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> DroppedWords(edits=1).edited('it is a good film', [(3, 0)])
        'it a good film'
    """

    name: ClassVar[str] = "dropped_words"

    def sites(self, text: str) -> Iterator[Site]:
        for found in _SMALL.finditer(text):
            yield Site(found.start(), found.end(), ("",))
