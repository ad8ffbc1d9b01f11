"""Short forms of chats: "you" as "u", "because" as "bc"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.lexicon import parsed
from shiftproof.shifts.text.rewrite import WordTable


@dataclass(frozen=True)
class ChatSpelling(WordTable):
    """Up to `edits` words written as in chats and short messages.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> ChatSpelling(edits=2).edited('you are great', [(0, 0), (8, 0)])
        'u are gr8'
    """

    name: ClassVar[str] = "chat_spelling"

    table: ClassVar[Mapping[str, tuple[str, ...]]] = parsed("""
        you: u
        your: ur
        are: r
        to, too: 2
        for: 4
        be: b
        see: c
        why: y
        and: n | nd
        the: da | th
        because: bc | cuz
        with: w/
        without: w/o
        people: ppl
        please: plz
        thanks: thx
        about: abt
        before: b4
        great: gr8
        really: rly
        something: sth
        though: tho
        through: thru
        that: dat
        this: dis
        what: wat
        love: luv
        like: lyk
        good: gud
        okay: k
        very: v
        just: jus
        have: hav
        much: mch
        more: mo
        work: wrk
        time: tym
        know: kno
        from: frm
        movie: mov
        should: shud
        would: wud
        could: cud
    """)
