"""Words that weaken a claim: "is arguably good"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import LabelRule, Rewrite, Site

_CLAIMS = re.compile(r"(?<!\w)(?:is|are|was|were|has|have|'s)(?= \w)", re.IGNORECASE)
_HEDGES = (" arguably", " perhaps", " apparently", " in a way", " somewhat")


@dataclass(frozen=True)
class Hedges(Rewrite):
    """Up to `edits` verbs such as is and has followed by an adverb that makes the claim weaker.

    Args:
        edits: how many at most, at least 1.

    Whether the truth stays is for a person to say.

    Example:
        >>> Hedges(edits=1).edited('it is good', [(5, 0)])
        'it is arguably good'
    """

    name: ClassVar[str] = "hedges"
    label: ClassVar[LabelRule] = "person"

    def sites(self, text: str) -> Iterator[Site]:
        for found in _CLAIMS.finditer(text):
            yield Site(found.end(), found.end(), _HEDGES)
