"""Words written by their sound: "night" as "nite", "photo" as "foto"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import LetterTable


@dataclass(frozen=True)
class PhoneticSpelling(LetterTable):
    """Up to `edits` groups of letters written as they sound.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> PhoneticSpelling(edits=1).edited('night', [(1, 0)])
        'nite'
    """

    name: ClassVar[str] = "phonetic_spelling"

    table: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "ph": ("f",), "ight": ("ite",), "ough": ("uff", "o"), "tion": ("shun",), "sion": ("zhun",), "ck": ("k",), "qu": ("kw",),
        "wh": ("w",),
        "ea": ("ee",), "ie": ("ee",), "ei": ("ee",), "ious": ("ius",), "kn": ("n",), "wr": ("r",), "x": ("ks",), "ce": ("se",),
        "ci": ("si",),
        "gh": ("g",), "mb": ("m",), "ould": ("ud",), "able": ("abul",), "ible": ("ibul",), "ture": ("cher",), "ss": ("s",), "ll": ("l",),
    }  # fmt: skip
