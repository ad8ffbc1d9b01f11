"""Digits and signs for letters: "great" as "gr34t"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import LetterTable


@dataclass(frozen=True)
class Leetspeak(LetterTable):
    """Up to `edits` letters replaced by digits or signs that look like them, as people write around filters.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> Leetspeak(edits=2).edited('great wine', [(2, 0), (3, 0)])
        'gr34t wine'
    """

    name: ClassVar[str] = "leetspeak"

    table: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "a": ("4", "@"), "b": ("8",), "c": ("(",), "e": ("3",), "g": ("9",), "i": ("1", "!"), "l": ("|",), "o": ("0",), "s": ("$", "5"),
        "t": ("7", "+"), "z": ("2",), "A": ("4", "@"), "E": ("3",), "I": ("1", "!"), "O": ("0",), "S": ("$", "5"), "T": ("7", "+"),
    }  # fmt: skip
