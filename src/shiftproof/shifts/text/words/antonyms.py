"""The opposite: "good" as "bad", "love" as "hate"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import LabelRule, WordTable, parsed


@dataclass(frozen=True)
class Antonyms(WordTable):
    """Up to `edits` words that judge replaced by their opposites; of a table of ours, made by hand.

    Args:
        edits: how many at most, at least 1.

    It turns the truth of a text over, as a rule: count accuracy against the labels as they stand with care.

    Example:
        >>> Antonyms(edits=1).edited('a good film', [(2, 0)])
        'a bad film'
    """

    name: ClassVar[str] = "antonyms"
    label: ClassVar[LabelRule] = "changed"

    table: ClassVar[Mapping[str, tuple[str, ...]]] = parsed("""
        good: bad | poor
        bad: good
        great: terrible
        terrible: great
        best: worst
        worst: best
        better: worse
        worse: better
        funny: unfunny
        unfunny: funny
        interesting: boring
        boring: interesting
        dull: exciting | lively
        fun: tedious
        enjoyable: unpleasant
        entertaining: tedious
        beautiful: ugly
        ugly: beautiful
        smart: stupid
        stupid: smart
        clever: stupid
        dumb: smart
        strong: weak
        weak: strong
        fresh: stale
        stale: fresh
        original: derivative
        love: hate
        loves: hates
        hate: love
        like: dislike
        happy: sad
        sad: happy
        success: failure
        succeeds: fails
        fails: succeeds
        failure: success
        fail: succeed
        perfect: flawed
        rich: poor
        poor: rich
        deep: shallow
        shallow: deep
        warm: cold
        cold: warm
        charming: repellent
        moving: tedious
        powerful: feeble
        compelling: dull
        engaging: tedious
        worth: not worth
        works: fails
        excellent: awful
        awful: excellent
        wonderful: awful
        easy: hard
        hard: easy
        new: old
        old: new
        more: less
        less: more
        well: badly
        badly: well
        right: wrong
        wrong: right
        true: false
        always: never
        never: always
        up: down
        with: without
        without: with
        enough: insufficient
        fine: poor
        solid: flimsy
        subtle: crude
        sweet: bitter
        gorgeous: ugly
        intelligent: stupid
        brilliant: awful
        delightful: dreadful
        hilarious: unfunny
        thoughtful: thoughtless
        honest: dishonest
        sincere: insincere
        satisfying: unsatisfying
        predictable: surprising
        pointless: meaningful
        bright: dim
        light: heavy
        big: small
        little: big
        long: short
        short: long
    """)
