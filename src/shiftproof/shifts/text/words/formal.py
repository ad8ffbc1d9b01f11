"""Formal words: "get" as "obtain", "but" as "however"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.lexicon import parsed
from shiftproof.shifts.text.rewrite import WordTable


@dataclass(frozen=True)
class Formal(WordTable):
    """Up to `edits` words replaced by those of formal writing.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> Formal(edits=1).edited('a fun movie', [(2, 0)])
        'a entertainment movie'
    """

    name: ClassVar[str] = "formal"

    table: ClassVar[Mapping[str, tuple[str, ...]]] = parsed("""
        get: obtain
        gets: obtains
        show: demonstrate
        shows: demonstrates
        but: however
        so: therefore
        and: as well as
        also: furthermore
        need: require
        needs: requires
        use: employ | utilise
        uses: employs
        try: attempt
        tries: attempts
        start: commence
        end: conclude
        ends: concludes
        help: assist
        seem: appear
        seems: appears
        keep: retain
        keeps: retains
        give: provide
        gives: provides
        make: render
        makes: renders
        buy: purchase
        enough: sufficient
        about: regarding
        kids: children
        movie, film: motion picture
        movies, films: motion pictures
        like: akin to
        big: considerable
        lot: great deal
        really: truly
        maybe: perhaps
        people: individuals
        only: merely
        fun: entertainment
        think: consider
        because: since
        if: provided that
        while: whereas
        look: appearance
        find: discover
        finds: discovers
        feel: sense
        feels: senses
        full: replete
        whole: entire
        more: further
        mostly: predominantly
        even: indeed
        with: together with
        before: prior to
        after: subsequent to
        job: occupation
        guy: gentleman
        without: devoid of
    """)
