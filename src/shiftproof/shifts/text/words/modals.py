"""Other certainty: "will" as "may", "is" as "must be"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.lexicon import parsed
from shiftproof.shifts.text.rewrite import LabelRule, WordTable


@dataclass(frozen=True)
class Modals(WordTable):
    """Up to `edits` verbs of certainty replaced by weaker or stronger ones.

    Args:
        edits: how many at most, at least 1.

    Whether the truth stays is for a person to say.

    Example:
        >>> Modals(edits=1).edited('it will do', [(3, 0)])
        'it may do'
    """

    name: ClassVar[str] = "modals"
    label: ClassVar[LabelRule] = "person"

    table: ClassVar[Mapping[str, tuple[str, ...]]] = parsed("""
        will, 'll: may | must
        may: will
        might: must
        can: may | should
        could: should
        would: might
        should: may
        must: may
        is: may be | must be
        are: may be | must be
        was: may have been
        were: may have been
        has: may have
        have: may have
        seems: may seem
        does: may
    """)
