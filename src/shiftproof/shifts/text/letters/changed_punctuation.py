"""Other punctuation: a full stop as "!", a comma as ";"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import LetterTable


@dataclass(frozen=True)
class ChangedPunctuation(LetterTable):
    """Up to `edits` marks at which a reader pauses replaced by others of their kind, so that no statement becomes a question.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> ChangedPunctuation(edits=1).edited('good, cheap', [(4, 0)])
        'good; cheap'
    """

    name: ClassVar[str] = "changed_punctuation"

    table: ClassVar[Mapping[str, tuple[str, ...]]] = {
        ".": ("!", "...", ";"), ",": (";", " -", "..."), ";": (",", ":"), ":": (";", " -"), "!": (".", "!!!"),
        "?": ("??", "?!"), "--": (",", ":"),
    }  # fmt: skip
