"""Another tense: "is" as "was", "can" as "could"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.lexicon import parsed
from shiftproof.shifts.text.rewrite import WordTable


@dataclass(frozen=True)
class Tenses(WordTable):
    """Up to `edits` verbs moved between present and past.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> Tenses(edits=1).edited('it is good', [(3, 0)])
        'it was good'
    """

    name: ClassVar[str] = "tenses"

    table: ClassVar[Mapping[str, tuple[str, ...]]] = parsed("""
        is, 's: was
        are, 're: were
        was: is
        were: are
        has: had
        have, 've: had
        had: has | have
        does: did
        do: did
        did: does | do
        will, 'll: would
        would: will
        can: could
        could: can
        may: might
        makes, make: made
        made: makes
        takes, take: took
        gets, get: got
        goes, go: went
        feels, feel: felt
        seems, seem: seemed
        works, work: worked
        comes, come: came
        looks, look: looked
        gives, give: gave
        keeps, keep: kept
        offers, offer: offered
        becomes, become: became
        remains, remain: remained
        knows, know: knew
        says, say: said
        sees, see: saw
        finds, find: found
        leaves, leave: left
        thinks, think: thought
        wants, want: wanted
    """)
