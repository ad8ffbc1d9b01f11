"""Other first names: "John" as "Aisha"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.lexicon import parsed
from shiftproof.shifts.text.rewrite import WordTable


@dataclass(frozen=True)
class PersonNames(WordTable):
    """Up to `edits` common first names replaced by those of other places.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> PersonNames(edits=1).edited('John left', [(0, 0)])
        'Mohammed left'
    """

    name: ClassVar[str] = "person_names"

    table: ClassVar[Mapping[str, tuple[str, ...]]] = parsed("""
        john, james, robert, michael, david, william, richard, thomas, charles, mark: Mohammed | Wei | Kwame | Diego | Arjun
        paul, steven, george, kevin, brian, peter, adam, tom: Mohammed | Wei | Kwame | Diego | Arjun
        mary, jennifer, linda, susan, sarah, karen, lisa, nancy, anna: Aisha | Mei | Amara | Lucía | Priya
        emma, laura, julia, alice, kate, jane, elizabeth: Aisha | Mei | Amara | Lucía | Priya
        smith, jones, johnson, brown, miller, davis, wilson: Okafor | Nguyen | Garcia | Khan
    """)
