"""A key beside the right one struck: "wonderful" as "wondersul"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Rewrite, Site, Unit, per_letter
from shiftproof.shifts.text.typos import NEAR

_FORMS = {**{key: tuple(near) for key, near in NEAR.items()}, **{key.upper(): tuple(near.upper()) for key, near in NEAR.items()}}


@dataclass(frozen=True)
class KeyboardSlips(Rewrite):
    """Up to `edits` letters inside words replaced by one around them on a QWERTY keyboard, capitals by capitals.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> KeyboardSlips(edits=1).edited('cheap wine', [(2, 0)])
        'chwap wine'
    """

    name: ClassVar[str] = "keyboard_slips"
    unit: ClassVar[Unit] = "letter"

    def sites(self, text: str) -> Iterator[Site]:
        return per_letter(text, _FORMS, least=4, edges=1)
