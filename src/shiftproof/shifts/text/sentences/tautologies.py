"""Sentences that are always true put at the end: "and true is true"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Framing


@dataclass(frozen=True)
class Tautologies(Framing):
    """A statement that is always true, or a negation of what is false, appended, up to `edits` of them: here one.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> Tautologies(edits=1).edited('good', [(4, 0)])
        'good and true is true'

    Reference: Naik et al. 2018, "Stress test evaluation for natural language inference".
    """

    name: ClassVar[str] = "tautologies"
    references: ClassVar[tuple[str, ...]] = ("naik2018stress",)

    after: ClassVar[tuple[str, ...]] = (
        " and true is true",
        " and false is not true",
        " , and it is what it is",
        " and a is a",
    )
