"""Endings left out, as learners write: "he work", "it is finish"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Rewrite, Site, each_word

_ENDINGS = ("ing", "ed", "s")


@dataclass(frozen=True)
class DroppedEndings(Rewrite):
    """Up to `edits` endings -s, -ed and -ing of words of five letters and more left out; a double s stays.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> DroppedEndings(edits=1).edited('he works hard', [(7, 0)])
        'he work hard'
    """

    name: ClassVar[str] = "dropped_endings"

    def sites(self, text: str) -> Iterator[Site]:
        for _, end, word in each_word(text, least=5):
            ending = next((ending for ending in _ENDINGS if word.lower().endswith(ending)), "")
            if ending and not word.lower().endswith(("ss", "us", "is", "eed", "thing", "ous")):
                yield Site(end - len(ending), end, ("",))
