"""Another article: "a" for "the"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.lexicon import parsed
from shiftproof.shifts.text.rewrite import WordTable


@dataclass(frozen=True)
class WrongArticles(WordTable):
    """Up to `edits` articles replaced by another one.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> WrongArticles(edits=1).edited('the film', [(0, 0)])
        'a film'
    """

    name: ClassVar[str] = "wrong_articles"

    table: ClassVar[Mapping[str, tuple[str, ...]]] = parsed("""
        a: the | an
        an: the | a
        the: a | an
    """)
