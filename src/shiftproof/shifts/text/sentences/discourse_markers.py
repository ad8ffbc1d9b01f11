"""A word that opens a statement: "Well, ...", "Actually, ..."."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Framing


@dataclass(frozen=True)
class DiscourseMarkers(Framing):
    """A marker of discourse put before a text.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> DiscourseMarkers(edits=1).edited('good', [(0, 0)])
        'well , good'
    """

    name: ClassVar[str] = "discourse_markers"

    before: ClassVar[tuple[str, ...]] = (
        "well , ",
        "actually , ",
        "to be honest , ",
        "you see , ",
        "anyway , ",
        "in fact , ",
        "so , ",
    )
