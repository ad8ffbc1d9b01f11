"""Stronger or weaker degrees: "very" as "slightly"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.lexicon import parsed
from shiftproof.shifts.text.rewrite import LabelRule, WordTable


@dataclass(frozen=True)
class Intensifiers(WordTable):
    """Up to `edits` adverbs of degree replaced by others.

    Args:
        edits: how many at most, at least 1.

    Whether the truth stays is for a person to say.

    Example:
        >>> Intensifiers(edits=1).edited('very good', [(0, 0)])
        'extremely good'
    """

    name: ClassVar[str] = "intensifiers"
    label: ClassVar[LabelRule] = "person"

    table: ClassVar[Mapping[str, tuple[str, ...]]] = parsed("""
        very: extremely | really | quite | slightly
        really: truly | very | hardly
        so: very | rather
        too: overly | a little too
        quite: rather | very
        rather: quite | very
        pretty: fairly | quite
        just: simply | merely
        even: still
        only: merely | just
        most: least
        more: less
        much: a little
        almost: nearly | not quite
        never: rarely
        always: often
        all: most
        completely: partly
        utterly: somewhat
        truly: hardly
        entirely: partly
        highly: mildly
        deeply: slightly
    """)
