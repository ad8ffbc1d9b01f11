"""A text in quotes or brackets, or as an item of a list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Framing


@dataclass(frozen=True)
class Quoted(Framing):
    """A text opened by a quote, a bracket or the mark of an item, and closed by one; each side is an edit of its own.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> Quoted(edits=2).edited('good', [(0, 0), (4, 0)])
        '"good"'
    """

    name: ClassVar[str] = "quoted"

    before: ClassVar[tuple[str, ...]] = (
        '"',
        "(",
        "- ",
        "* ",
        "> ",
        "1. ",
    )
    after: ClassVar[tuple[str, ...]] = (
        '"',
        ")",
        " .",
        " !",
    )
