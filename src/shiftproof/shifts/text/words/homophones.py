"""Words of the same sound, as dictation writes them: "one" as "won", "sea" as "see"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.lexicon import parsed
from shiftproof.shifts.text.rewrite import WordTable


@dataclass(frozen=True)
class Homophones(WordTable):
    """Up to `edits` words replaced by others that sound the same.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> Homophones(edits=2).edited('one great scene', [(0, 0), (10, 0)])
        'won great seen'
    """

    name: ClassVar[str] = "homophones"

    table: ClassVar[Mapping[str, tuple[str, ...]]] = parsed("""
        to: two | too
        too: to | two
        two: to | too
        for: four
        four: for
        one: won
        won: one
        be: bee
        by: buy | bye
        in: inn
        its: it's
        it's: its
        it 's: its
        their: there
        there: their
        you're: your
        your: you're
        see: sea
        no: know
        know: no
        new: knew
        knew: new
        right: write
        write: right
        would: wood
        so: sew
        some: sum
        whole: hole
        piece: peace
        scene: seen
        seen: scene
        tale: tail
        week: weak
        weak: week
        here: hear
        hear: here
        our: hour
        hour: our
        great: grate
        whose: who's
        not: knot
        made: maid
        plain: plane
        role: roll
        way: weigh
        wait: weight
        through: threw
        threw: through
        where: wear
        but: butt
        or: oar
        all: awl
        i: eye
        than: then
        then: than
        real: reel
        reel: real
        sweet: suite
        fair: fare
        die: dye
        dear: deer
        bored: board
        heart: hart
        feat: feet
        soul: sole
        past: passed
        which: witch
        might: mite
        steal: steel
        sense: cents
        tear: tier
        main: mane
        moral: morale
        principal: principle
        effect: affect
        affect: effect
        lose: loose
        loose: lose
    """)
