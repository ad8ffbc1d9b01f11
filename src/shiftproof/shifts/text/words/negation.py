"""A statement denied, or a denial taken back: "is good" as "is not good"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.lexicon import parsed
from shiftproof.shifts.text.rewrite import LabelRule, WordTable


@dataclass(frozen=True)
class Negation(WordTable):
    """Up to `edits` verbs denied, or words of denial left out or turned over.

    Args:
        edits: how many at most, at least 1.

    Whether the truth stays is for a person to say.

    Example:
        >>> Negation(edits=1).edited('it is good', [(3, 0)])
        'it is not good'
    """

    name: ClassVar[str] = "negation"
    label: ClassVar[LabelRule] = "person"

    table: ClassVar[Mapping[str, tuple[str, ...]]] = parsed("""
        is: is not | is hardly
        are: are not
        was: was not
        were: were not
        does: does not
        has: has not
        have: have not
        can: cannot
        will: will not
        would: would not
        could: could not
        should: should not
        's: is not
        isn't, is n't, is not: is
        aren't, are n't, are not: are
        wasn't, was n't, was not: was
        doesn't, does n't, does not: does
        don't, do n't, do not: do
        didn't, did n't, did not: did
        can't, ca n't, cannot, can not: can
        won't, wo n't, will not: will
        couldn't, could n't, could not: could
        never: always
        no: some
        nothing: everything
        without: with
        not: really
        makes: does not make
        make: do not make
        feels: does not feel
        works: does not work
        seems: does not seem
        gets: does not get
        gives: does not give
        offers: does not offer
        keeps: does not keep
    """)
