"""Other words that join: "and" as "as well as", "but" as "yet"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.lexicon import parsed
from shiftproof.shifts.text.rewrite import WordTable


@dataclass(frozen=True)
class Conjunctions(WordTable):
    """Up to `edits` conjunctions replaced by others that relate the two sides as they do.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> Conjunctions(edits=1).edited('short but good', [(6, 0)])
        'short yet good'
    """

    name: ClassVar[str] = "conjunctions"

    table: ClassVar[Mapping[str, tuple[str, ...]]] = parsed("""
        and: as well as | along with | plus
        but: yet | though | however
        or: or else
        so: thus | therefore
        because: since | as
        while: whereas
        although: though | even though
        though: although | even though
        if: in case
        when: whenever
        as: just as
        yet: but
        than: compared with
        until: till
        since: because
        unless: except if
        nor: or
    """)
