"""Words in capitals, in small letters or with a capital: what people write one way or the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.edits import Edit, Edits
from shiftproof.shifts.text.typos import words


@dataclass(frozen=True)
class Casing(Edits):
    """Up to `edits` words written in lower case, in capitals or with a first capital, each otherwise than it stands.

    Args:
        edits: how many words at most, at least 1.

    A place is where a word begins. Words that a change of case makes longer or shorter, or that have no case, stay as they are.

    Example:
        >>> Casing(edits=2).edited("good Wine", [(0, 0), (5, 0)])
        'GOOD wine'
    """

    name: ClassVar[str] = "casing"

    def places(self, one: str) -> list[int]:
        return [start for start, end in words(one) if _cases(one[start:end])]

    def choices(self, one: str, place: int) -> int:
        return len(_cases(_word(one, place)))

    def reach(self, one: str, place: int) -> int:
        return len(_word(one, place))

    def edited(self, one: str, edits: list[Edit]) -> str:
        for place, choice in edits:
            word = _word(one, place)
            one = one[:place] + _cases(word)[choice] + one[place + len(word) :]
        return one


def _word(text: str, place: int) -> str:
    return next(text[start:end] for start, end in words(text) if start == place)


def _cases(word: str) -> list[str]:
    """Its other forms of the same length."""
    forms = dict.fromkeys((word.lower(), word.upper(), word.capitalize()))
    return [form for form in forms if form != word and len(form) == len(word)]
