"""Spaces that a tokenizer put before marks and endings left out: "it 's good ." as "it's good."."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Rewrite, Site, Unit

_SPLIT = re.compile(r"(?<=\S) +(?=(?:n['’]t|['’](?:s|re|ve|ll|d|m)|[.,;:!?)])(?!\w))")


@dataclass(frozen=True)
class Detokenised(Rewrite):
    """Up to `edits` spaces left out before punctuation and contracted endings.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> Detokenised(edits=1).edited("it 's good .", [(2, 0)])
        "it's good ."
    """

    name: ClassVar[str] = "detokenised"
    unit: ClassVar[Unit] = "sentence"

    def sites(self, text: str) -> Iterator[Site]:
        for found in _SPLIT.finditer(text):
            yield Site(found.start(), found.end(), ("",))
