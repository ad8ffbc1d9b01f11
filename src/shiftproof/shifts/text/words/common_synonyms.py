"""Words of the same meaning, of a small table: "film" as "movie", "smart" as "clever"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.lexicon import SYNONYMS
from shiftproof.shifts.text.rewrite import WordTable


@dataclass(frozen=True)
class CommonSynonyms(WordTable):
    """Up to `edits` frequent words replaced by synonyms, of the same part of speech and degree; a table of ours, made by hand.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> CommonSynonyms(edits=2).edited('a smart film', [(2, 0), (8, 0)])
        'a clever movie'
    """

    name: ClassVar[str] = "common_synonyms"

    table: ClassVar[Mapping[str, tuple[str, ...]]] = SYNONYMS
