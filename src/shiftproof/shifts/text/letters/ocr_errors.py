"""What a scanner misreads: "movie" as "rnovie", "clear" as "c1ear"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import LetterTable


@dataclass(frozen=True)
class OcrErrors(LetterTable):
    """Up to `edits` letters, or pairs of them, replaced by those that look alike in print and that character recognition confuses.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> OcrErrors(edits=1).edited('clear as day', [(0, 0)])
        'dear as day'
    """

    name: ClassVar[str] = "ocr_errors"

    table: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "l": ("1", "i"), "i": ("l", "1"), "o": ("0",), "O": ("0",), "s": ("5",), "S": ("5",), "b": ("6", "h"), "B": ("8",), "g": ("9", "q"),
        "q": ("g", "9"), "z": ("2",), "Z": ("2",), "e": ("c",), "c": ("e",), "n": ("ri",), "m": ("rn",), "rn": ("m",), "w": ("vv",),
        "vv": ("w",), "h": ("b",), "u": ("ii",), "d": ("cl",), "cl": ("d",), "t": ("f",), "f": ("t",), "I": ("l", "1"), "D": ("O",),
    }  # fmt: skip
