"""The two sides of "but" or "and" in the other order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import LabelRule, Rewrite, Site, Unit

_JOINED = re.compile(
    r"(.+?\w)( ?, (?:but|and|yet|so|while|though|with|which) | (?:but|and|while|though|because|that) )(.+?)( ?[.!?]*)", re.DOTALL
)


@dataclass(frozen=True)
class ClauseOrder(Rewrite):
    """The part before a comma with but, and or yet put after it: one edit, of which there is one.

    Args:
        edits: how many at most, at least 1.

    Whether the truth stays is for a person to say.

    Example:
        >>> ClauseOrder(edits=1).edited('short , but good .', [(0, 0)])
        'good , but short .'
    """

    name: ClassVar[str] = "clause_order"
    label: ClassVar[LabelRule] = "person"
    unit: ClassVar[Unit] = "sentence"

    def sites(self, text: str) -> Iterator[Site]:
        found = _JOINED.fullmatch(text)
        if found:
            first, joint, second, end = found.groups()
            yield Site(0, len(text), (f"{second}{joint}{first}{end}",))
