"""What programs put under messages: "Sent from my phone"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Framing


@dataclass(frozen=True)
class Footers(Framing):
    """A footer put after a text.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> Footers(edits=1).edited('good', [(4, 0)])
        'good Sent from my phone'
    """

    name: ClassVar[str] = "footers"

    after: ClassVar[tuple[str, ...]] = (
        " Sent from my phone",
        " -- Posted via mobile",
        " (edited)",
        " [Read more]",
        " Verified review",
    )
