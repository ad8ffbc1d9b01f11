"""Letters that look the same and are others: Latin for Cyrillic and Greek."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.lexicon import ALIKE
from shiftproof.shifts.text.rewrite import LetterTable


@dataclass(frozen=True)
class Homoglyphs(LetterTable):
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

    table: ClassVar[Mapping[str, tuple[str, ...]]] = {letter: tuple(forms) for letter, forms in ALIKE.items()}
