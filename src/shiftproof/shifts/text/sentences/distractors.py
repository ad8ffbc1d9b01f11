"""A fact with a number that the question does not need put before or after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Framing


@dataclass(frozen=True)
class Distractors(Framing):
    """A sentence with a number that has nothing to do with the question put before it, after it, or both.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> Distractors(edits=1).edited('How many apples are left?', [(0, 1)])
        'There are 12 chairs in the room. How many apples are left?'

    Reference: Stolfo et al. 2023, "A causal framework to quantify the robustness of mathematical reasoning with language models".
    """

    name: ClassVar[str] = "distractors"
    references: ClassVar[tuple[str, ...]] = ("stolfo2023causal",)

    before: ClassVar[tuple[str, ...]] = (
        "The bus was 7 minutes late. ",
        "There are 12 chairs in the room. ",
        "My neighbour is 43 years old. ",
        "The street has 28 houses. ",
    )
    after: ClassVar[tuple[str, ...]] = (
        " The bus was 7 minutes late.",
        " There are 12 chairs in the room.",
        " My neighbour is 43 years old.",
        " The street has 28 houses.",
    )
