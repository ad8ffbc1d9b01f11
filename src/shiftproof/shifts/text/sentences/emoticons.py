"""Faces at the end: ":)"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Framing


@dataclass(frozen=True)
class Emoticons(Framing):
    """A face that does not judge put at the end of a text.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> Emoticons(edits=1).edited('good', [(4, 0)])
        'good :o'
    """

    name: ClassVar[str] = "emoticons"

    after: ClassVar[tuple[str, ...]] = (
        " :o",
        " :-|",
        " 👀",
        " 🤔",
        " 🤷",
        " xD",
    )
