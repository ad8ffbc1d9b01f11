"""Relative and demonstrative words: "that" as "which", "this" as "that"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.lexicon import parsed
from shiftproof.shifts.text.rewrite import WordTable


@dataclass(frozen=True)
class Relationships(WordTable):
    """Up to `edits` words that point or relate replaced by their neighbours.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> Relationships(edits=1).edited('a film that works', [(7, 0)])
        'a film which works'
    """

    name: ClassVar[str] = "relationships"

    table: ClassVar[Mapping[str, tuple[str, ...]]] = parsed("""
        that: which | this
        which: that
        who: that
        this: that
        these: those
        those: these
        there: here
        here: there
        what: which
        such: so
    """)
