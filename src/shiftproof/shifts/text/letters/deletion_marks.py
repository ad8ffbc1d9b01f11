"""A letter and the backspace that deletes it: shown as nothing by terminals, read by a model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Rewrite, Site, Unit, each_word


@dataclass(frozen=True)
class DeletionMarks(Rewrite):
    r"""Up to `edits` letters each followed by its own deletion (U+0008) put between the letters of words.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> DeletionMarks(edits=1).edited('good', [(2, 0)])
        'gox\x08od'

    Reference: Boucher et al. 2022, "Bad characters: imperceptible NLP attacks".
    """

    name: ClassVar[str] = "deletion_marks"
    unit: ClassVar[Unit] = "letter"
    references: ClassVar[tuple[str, ...]] = ("boucher2022bad",)

    def sites(self, text: str) -> Iterator[Site]:
        for start, end, _ in each_word(text, least=2):
            yield from (Site(place, place, ("x\b", "e\b", "a\b")) for place in range(start + 1, end))
