"""Numbers in digits, or digits in words: "two" as "2"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.lexicon import parsed
from shiftproof.shifts.text.rewrite import WordTable


@dataclass(frozen=True)
class NumberWords(WordTable):
    """Up to `edits` numbers up to twenty, and ordinals up to tenth, written the other way.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> NumberWords(edits=1).edited('two hours', [(0, 0)])
        '2 hours'
    """

    name: ClassVar[str] = "number_words"

    table: ClassVar[Mapping[str, tuple[str, ...]]] = parsed("""
        one: 1
        two: 2
        three: 3
        four: 4
        five: 5
        six: 6
        seven: 7
        eight: 8
        nine: 9
        ten: 10
        eleven: 11
        twelve: 12
        twenty: 20
        hundred: 100
        thousand: 1000
        first: 1st
        second: 2nd
        third: 3rd
        fourth: 4th
        fifth: 5th
        1: one
        2: two
        3: three
        4: four
        5: five
        6: six
        7: seven
        8: eight
        9: nine
        10: ten
        11: eleven
        12: twelve
        20: twenty
        100: hundred
        1st: first
        2nd: second
        3rd: third
    """)
