"""Names, addresses and tags as in messages: "@user", "https://t.co/x1"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Framing


@dataclass(frozen=True)
class Mentions(Framing):
    """A mention put before a text, an address after it, or both.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> Mentions(edits=1).edited('good', [(4, 0)])
        'good https://t.co/DlI9kw'

    Reference: Ribeiro et al. 2020, "Beyond accuracy: behavioral testing of NLP models with CheckList".
    """

    name: ClassVar[str] = "mentions"
    references: ClassVar[tuple[str, ...]] = ("ribeiro2020beyond",)

    before: ClassVar[tuple[str, ...]] = (
        "@user ",
        "@friend123 ",
        "RT @user: ",
    )
    after: ClassVar[tuple[str, ...]] = (
        " https://t.co/DlI9kw",
        " http://example.com/a",
        " @user",
        " #thoughts",
    )
