"""Contractions: "it is" as "it's", "does not" as "doesn't"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.lexicon import parsed
from shiftproof.shifts.text.rewrite import WordTable


@dataclass(frozen=True)
class Contracted(WordTable):
    """Up to `edits` pairs of words contracted.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> Contracted(edits=1).edited('it is not bad', [(0, 0)])
        "it's not bad"
    """

    name: ClassVar[str] = "contracted"

    table: ClassVar[Mapping[str, tuple[str, ...]]] = parsed("""
        is not: isn't
        are not: aren't
        was not: wasn't
        were not: weren't
        does not: doesn't
        do not: don't
        did not: didn't
        has not: hasn't
        have not: haven't
        had not: hadn't
        can not, cannot: can't
        could not: couldn't
        will not: won't
        would not: wouldn't
        should not: shouldn't
        it is: it's
        that is: that's
        there is: there's
        he is: he's
        she is: she's
        who is: who's
        what is: what's
        i am: i'm
        you are: you're
        they are: they're
        we are: we're
        you have: you've
        i have: i've
        they have: they've
        it will: it'll
        you will: you'll
        i will: i'll
        does n't: doesn't
        is n't: isn't
        do n't: don't
        ca n't: can't
        wo n't: won't
        could n't: couldn't
        would n't: wouldn't
        did n't: didn't
        was n't: wasn't
        it 's: it's
        there 's: there's
        that 's: that's
        he 's: he's
        you 'll: you'll
        you 're: you're
        they 're: they're
        i 'm: i'm
        film 's: film's
        movie 's: movie's
    """)
