"""A fact that says nothing of the matter put before or after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Framing


@dataclass(frozen=True)
class NeutralFacts(Framing):
    """A sentence that does not judge put before a text, after it, or both.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> NeutralFacts(edits=1).edited('good', [(0, 0)])
        'It runs for two hours. good'
    """

    name: ClassVar[str] = "neutral_facts"

    before: ClassVar[tuple[str, ...]] = (
        "It runs for two hours. ",
        "It came out on a Friday. ",
        "I watched it with the window open. ",
    )
    after: ClassVar[tuple[str, ...]] = (
        " It lasts about two hours.",
        " It came out on a Friday.",
        " We sat in the third row.",
        " The hall had forty seats.",
    )
