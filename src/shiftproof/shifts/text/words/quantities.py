"""Other quantities: "all" as "some", "many" as "few"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.lexicon import parsed
from shiftproof.shifts.text.rewrite import LabelRule, WordTable


@dataclass(frozen=True)
class Quantities(WordTable):
    """Up to `edits` words of quantity replaced by others.

    Args:
        edits: how many at most, at least 1.

    Whether the truth stays is for a person to say.

    Example:
        >>> Quantities(edits=1).edited('all of it', [(0, 0)])
        'some of it'
    """

    name: ClassVar[str] = "quantities"
    label: ClassVar[LabelRule] = "person"

    table: ClassVar[Mapping[str, tuple[str, ...]]] = parsed("""
        all: some | most
        some: all | no
        most: few
        many: few
        few: many
        every: some
        each: some
        much: little
        any: some
        both: neither
        several: many
        more: less
        less: more
        lot: bit
        enough: too much
        one: another
        no: some
        nothing: little
        everything: something
        half: most
        first: last
        last: first
        once: twice
        only: mostly
        whole: half
    """)
