"""Typographic quotes and dashes for those of the keyboard, or the other way round."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import LetterTable


@dataclass(frozen=True)
class CurlyQuotes(LetterTable):
    """Up to `edits` apostrophes, quotes, hyphens and dots replaced by the typographic ones, or these by those of the keyboard.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> CurlyQuotes(edits=1).edited("it's", [(2, 0)])
        'it’s'
    """

    name: ClassVar[str] = "curly_quotes"

    table: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "'": ("\u2019", "\u2018", "\u00b4"), '"': ("\u201c", "\u201d"), "`": ("\u2018",), "-": ("\u2013", "\u2014", "\u2011"),
        "...": ("\u2026",), "\u2019": ("'",), "\u2018": ("'",), "\u201c": ('"',), "\u201d": ('"',), "\u2013": ("-",), "\u2014": ("-",),
        "\u2026": ("...",), "--": ("\u2014",), "``": ("\u201c",), "''": ("\u201d",),
    }  # fmt: skip
