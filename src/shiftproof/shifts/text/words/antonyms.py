"""The opposite: "good" as "bad", "love" as "hate"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.lexicon import ANTONYMS
from shiftproof.shifts.text.rewrite import LabelRule, WordTable


@dataclass(frozen=True)
class Antonyms(WordTable):
    """Up to `edits` words that judge replaced by their opposites; of a table of ours, made by hand.

    Args:
        edits: how many at most, at least 1.

    It turns the truth of a text over, as a rule: count accuracy against the labels as they stand with care.

    Example:
        >>> Antonyms(edits=1).edited('a good film', [(2, 0)])
        'a bad film'
    """

    name: ClassVar[str] = "antonyms"
    label: ClassVar[LabelRule] = "changed"

    table: ClassVar[Mapping[str, tuple[str, ...]]] = ANTONYMS
