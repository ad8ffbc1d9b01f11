"""Another preposition, as learners write: "interested on"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.lexicon import parsed
from shiftproof.shifts.text.rewrite import WordTable


@dataclass(frozen=True)
class WrongPrepositions(WordTable):
    """Up to `edits` prepositions replaced by one that learners take for them.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> WrongPrepositions(edits=1).edited('the plot of it', [(9, 0)])
        'the plot from it'
    """

    name: ClassVar[str] = "wrong_prepositions"

    table: ClassVar[Mapping[str, tuple[str, ...]]] = parsed("""
        in: on | at
        on: in | at
        at: in | on
        of: from
        for: to
        to: for
        from: of
        by: from
        with: by
        about: on
        into: in
        than: then
        during: in
        through: by
        between: among
        since: from
    """)
