"""The end of a text missing, as where a field is too short."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import LabelRule, Rewrite, Site, Unit, each_word

_LEAST = 3
"""Words of a text that is not cut."""


@dataclass(frozen=True)
class CutOff(Rewrite):
    """A text cut after three quarters of its words: one edit, of which there is one.

    Args:
        edits: how many at most, at least 1.

    Whether the truth stays is for a person to say.

    Example:
        >>> CutOff(edits=1).edited('one two three four', [(13, 0)])
        'one two three'
    """

    name: ClassVar[str] = "cut_off"
    label: ClassVar[LabelRule] = "person"
    unit: ClassVar[Unit] = "sentence"

    def sites(self, text: str) -> Iterator[Site]:
        ends = [end for _, end, _ in each_word(text)]
        if len(ends) > _LEAST:
            yield Site(ends[3 * len(ends) // 4 - 1], len(text), ("", "...", " [more]"))
