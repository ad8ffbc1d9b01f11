"""Signs for words: "and" as "&", "at" as "@"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.lexicon import parsed
from shiftproof.shifts.text.rewrite import WordTable


@dataclass(frozen=True)
class Symbols(WordTable):
    """Up to `edits` words replaced by a sign, or a sign by its word.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> Symbols(edits=1).edited('good and cheap', [(5, 0)])
        'good & cheap'
    """

    name: ClassVar[str] = "symbols"

    table: ClassVar[Mapping[str, tuple[str, ...]]] = parsed("""
        and: & | +
        &: and
        at: @
        or: /
        percent: %
        number: #
        more than: >
        less than: <
        is: =
        with: w/
        dollars: $
        equals: =
        plus: +
    """)
