"""Letters that look the same and are others: Latin for Cyrillic and Greek."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.edits import Edit, Edits

ALIKE = {
    "a": "\u0430", "c": "\u0441", "d": "\u0501", "e": "\u0435", "h": "\u04bb", "i": "\u0456", "j": "\u0458", "o": "\u043e\u03bf",
    "p": "\u0440", "q": "\u051b", "s": "\u0455", "v": "\u03bd", "w": "\u051d", "x": "\u0445", "y": "\u0443",
    "A": "\u0410\u0391", "B": "\u0412\u0392", "C": "\u0421", "E": "\u0415\u0395", "H": "\u041d\u0397", "I": "\u0406\u0399", "J": "\u0408",
    "K": "\u041a\u039a", "M": "\u041c\u039c", "N": "\u039d", "O": "\u041e\u039f", "P": "\u0420\u03a1", "S": "\u0405", "T": "\u0422\u03a4",
    "X": "\u0425\u03a7", "Y": "\u03a5", "Z": "\u0396",
}  # fmt: skip
"""Cyrillic and Greek letters that most fonts draw as these Latin ones (Unicode's confusables)."""


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
