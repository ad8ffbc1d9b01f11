"""Words in signs of emphasis: "*good*", "<b>good</b>"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Rewrite, Site, each_word


@dataclass(frozen=True)
class Markup(Rewrite):
    """Up to `edits` words of three letters and more set in asterisks, underscores or tags.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> Markup(edits=1).edited('good wine', [(0, 0)])
        '*good* wine'
    """

    name: ClassVar[str] = "markup"

    def sites(self, text: str) -> Iterator[Site]:
        for start, end, word in each_word(text, least=3):
            yield Site(start, end, (f"*{word}*", f"_{word}_", f"<b>{word}</b>", f"**{word}**"))
