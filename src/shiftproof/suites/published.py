"""The published suites by name: corruptions, and moves of the object in its picture."""

from __future__ import annotations

from shiftproof.shifts.corruptions.suites import SUITES as CORRUPTIONS
from shiftproof.shifts.factors.suites import SUITES as PLACEMENTS

PUBLISHED: dict[str, tuple[str, ...]] = {**CORRUPTIONS, **PLACEMENTS}
"""The specs of each, measured in their average case."""


def in_words(name: str) -> str:
    """What is in the suite called `name`.

    >>> in_words("si_score_rotation")
    '72 placements of the object, each in its average case'
    """
    what = "corruptions" if name in CORRUPTIONS else "placements of the object"
    return f"{len(PUBLISHED[name])} {what}, each in its average case"
