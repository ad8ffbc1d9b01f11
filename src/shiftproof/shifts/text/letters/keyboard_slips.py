"""A key beside the right one struck: "wonderful" as "wondersul"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import InnerLetters
from shiftproof.shifts.text.typos import NEAR


@dataclass(frozen=True)
class KeyboardSlips(InnerLetters):
    """Up to `edits` letters inside words replaced by one around them on a QWERTY keyboard, capitals by capitals.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> KeyboardSlips(edits=1).edited('cheap wine', [(2, 0)])
        'chwap wine'
    """

    name: ClassVar[str] = "keyboard_slips"
    table: ClassVar[Mapping[str, tuple[str, ...]]] = {
        **{key: tuple(near) for key, near in NEAR.items()},
        **{key.upper(): tuple(near.upper()) for key, near in NEAR.items()},
    }
