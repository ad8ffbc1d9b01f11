"""Accents where none belong: "great" as "gréat"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import LetterTable


@dataclass(frozen=True)
class Diacritics(LetterTable):
    """Up to `edits` letters given an accent, a tilde, a ring or a cedilla, in their composed form.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> Diacritics(edits=1).edited('great wine', [(2, 0)])
        'gréat wine'

    Reference: Eger et al. 2019, "Text processing like humans do: visually attacking and shielding NLP systems".
    """

    name: ClassVar[str] = "diacritics"
    references: ClassVar[tuple[str, ...]] = ("eger2019text",)

    table: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "a": tuple("áàâäãå"), "c": tuple("çć"), "e": tuple("éèêë"), "i": tuple("íìîï"), "n": tuple("ñń"), "o": tuple("óòôöõ"),
        "s": tuple("śš"), "u": tuple("úùûü"), "y": tuple("ýÿ"), "z": tuple("žź"), "A": tuple("ÁÀÂÄ"),
        "E": tuple("ÉÈÊË"), "O": tuple("ÓÒÔÖ"),
    }  # fmt: skip
