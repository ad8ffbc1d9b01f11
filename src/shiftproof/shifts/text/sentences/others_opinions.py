"""What somebody else thought, put before or after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Framing, LabelRule


@dataclass(frozen=True)
class OthersOpinions(Framing):
    """The opinion of another person put before a text or after it: the truth is that of the writer, who is not that person.

    Args:
        edits: how many at most, at least 1.

    Whether the truth stays is for a person to say.

    Example:
        >>> OthersOpinions(edits=1).edited('good', [(4, 0)])
        'good my neighbour hated it .'
    """

    name: ClassVar[str] = "others_opinions"
    label: ClassVar[LabelRule] = "person"

    before: ClassVar[tuple[str, ...]] = (
        "my neighbour hated it . ",
        "my brother loved it . ",
        "critics were split . ",
    )
    after: ClassVar[tuple[str, ...]] = (
        " my neighbour hated it .",
        " my brother loved it .",
        " others may disagree .",
    )
