"""A text said twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Rewrite, Site, Unit


@dataclass(frozen=True)
class RepeatedText(Rewrite):
    """A text followed by itself: one edit, of which there is one.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> RepeatedText(edits=1).edited('good', [(4, 0)])
        'good good'
    """

    name: ClassVar[str] = "repeated_text"
    unit: ClassVar[Unit] = "sentence"

    def sites(self, text: str) -> Iterator[Site]:
        yield Site(len(text), len(text), (f" {text}", f" . again : {text}"))
