"""The sound of th as d, t or f: "the" as "da", "with" as "wit"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.lexicon import parsed
from shiftproof.shifts.text.rewrite import WordTable


@dataclass(frozen=True)
class ThStopping(WordTable):
    """Up to `edits` common words with th written as several dialects of English speak them.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> ThStopping(edits=2).edited('with that', [(0, 0), (5, 0)])
        'wit dat'
    """

    name: ClassVar[str] = "th_stopping"

    table: ClassVar[Mapping[str, tuple[str, ...]]] = parsed("""
        the: da | de
        this: dis
        that: dat
        these: dese
        those: dose
        they: dey
        their: deir
        them: dem
        there: dere
        then: den
        than: dan
        with: wit | wif
        without: witout
        nothing: nuttin | nuffin
        something: sumthin
        everything: everyting
        thing: ting
        things: tings
        think: tink
        both: bof
        mouth: mouf
        other: udder | ova
        another: anudder
        together: togeddah
        brother: bruvva
        mother: mudda
        father: fadda
        rather: ravver
        though: doe
        through: tru
        three: tree
        truth: troof
        worth: worf
        death: def
        health: helf
    """)
