"""Verbs that do not agree: "he are", "they was", as learners write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.lexicon import parsed
from shiftproof.shifts.text.rewrite import WordTable


@dataclass(frozen=True)
class VerbAgreement(WordTable):
    """Up to `edits` verbs in the wrong number: forms of to be, to have and to do, and a few common ones.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> VerbAgreement(edits=1).edited('he is good', [(3, 0)])
        'he are good'
    """

    name: ClassVar[str] = "verb_agreement"

    table: ClassVar[Mapping[str, tuple[str, ...]]] = parsed("""
        is: are
        are: is
        was: were
        were: was
        has: have
        have: has
        does: do
        do: does
        's: are
        makes: make
        make: makes
        takes: take
        gets: get
        get: gets
        goes: go
        feels: feel
        feel: feels
        seems: seem
        seem: seems
        works: work
        work: works
        comes: come
        looks: look
        look: looks
        wants: want
        want: wants
        gives: give
        give: gives
        keeps: keep
        offers: offer
        turns: turn
        says: say
        knows: know
        know: knows
        becomes: become
        remains: remain
    """)
