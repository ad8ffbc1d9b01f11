"""Words in capitals, in small letters or with a capital: what people write one way or the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Rewrite, Site
from shiftproof.shifts.text.typos import words


@dataclass(frozen=True)
class Casing(Rewrite):
    """Up to `edits` words written in lower case, in capitals or with a first capital, each otherwise than it stands.

    Args:
        edits: how many words at most, at least 1.

    A place is where a word begins. Words that a change of case makes longer or shorter, or that have no case, stay as they are.

    Example:
        >>> Casing(edits=2).edited("good Wine", [(0, 0), (5, 0)])
        'GOOD wine'
    """

    name: ClassVar[str] = "casing"

    def sites(self, text: str) -> Iterator[Site]:
        for start, end in words(text):
            yield Site(start, end, tuple(_cases(text[start:end])))


def _cases(word: str) -> list[str]:
    """Its other forms of the same length."""
    forms = dict.fromkeys((word.lower(), word.upper(), word.capitalize()))
    return [form for form in forms if form != word and len(form) == len(word)]
