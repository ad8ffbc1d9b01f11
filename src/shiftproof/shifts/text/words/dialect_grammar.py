"""Grammar of dialects: "is not" as "ain't", "they were" as "they was"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.lexicon import parsed
from shiftproof.shifts.text.rewrite import WordTable


@dataclass(frozen=True)
class DialectGrammar(WordTable):
    """Up to `edits` forms of standard English replaced by those of its dialects.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> DialectGrammar(edits=1).edited('it is not bad', [(3, 0)])
        "it ain't bad"
    """

    name: ClassVar[str] = "dialect_grammar"

    table: ClassVar[Mapping[str, tuple[str, ...]]] = parsed("""
        is not, are not, isn't, aren't, is n't, are n't: ain't
        am not, has not, have not, hasn't, haven't, has n't, have n't: ain't
        doesn't, does not, does n't: don't
        anything: nothing
        anyone: nobody
        ever: never
        were: was
        those: them
        myself: meself
        himself: hisself
        themselves: theirselves
        you: y'all | ye
        yours: yourn
        is: be
        are: be
        has been: been
        have been: been
        going to: finna
        isn't it: innit
        that: what
        my: me
        went: gone
        saw: seen
        did: done
        very: right | dead
        really: proper
        of: o'
        them: 'em
        and: an'
        old: ol'
        for: fer
        your: yer
        to: tae
        from: frae
        not: nae
        little: wee
        no: naw
    """)
