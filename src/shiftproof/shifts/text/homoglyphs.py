"""Letters that look the same and are others: Latin for Cyrillic and Greek."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.edits import Edit, Edits
from shiftproof.shifts.text.lexicon import ALIKE


@dataclass(frozen=True)
class Homoglyphs(Edits):
    """Up to `edits` letters replaced by others that look the same: people see no change, and a tokenizer other words.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> moved = Homoglyphs(edits=1).edited("scam", [(1, 0)])
        >>> moved == "scam", ascii(moved[1]) == "'c'", len(moved)
        (False, False, 4)

    Reference: Boucher et al. 2022, "Bad characters: imperceptible NLP attacks".
    """

    name: ClassVar[str] = "homoglyphs"
    references: ClassVar[tuple[str, ...]] = ("boucher2022bad",)

    def places(self, one: str) -> list[int]:
        return [at for at, letter in enumerate(one) if letter in ALIKE]

    def choices(self, one: str, place: int) -> int:
        return len(ALIKE[one[place]])

    def edited(self, one: str, edits: list[Edit]) -> str:
        letters = list(one)
        for place, choice in edits:
            letters[place] = ALIKE[one[place]][choice]
        return "".join(letters)
