"""Slips of the fingers: letters left out, doubled, swapped with the next, or struck beside the right key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.edits import Edit, Edits

_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


def _neighbours() -> dict[str, str]:
    """For each letter those on the keys around it, row by row; a row lies half a key to the right of the one above."""
    at = {letter: (row, place) for row, letters in enumerate(_ROWS) for place, letter in enumerate(letters)}
    steps = ((-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0))
    by_place = {where: letter for letter, where in at.items()}
    return {letter: "".join(by_place.get((row + up, place + aside), "") for up, aside in steps) for letter, (row, place) in at.items()}


NEAR = _neighbours()
OMIT, DOUBLE, SWAP = 0, 1, 2
"""The first choices at a place; those after them are the keys around the letter."""


@dataclass(frozen=True)
class Typos(Edits):
    """Up to `edits` letters mistyped: left out, doubled, swapped with the next, or replaced by a neighbour on a QWERTY keyboard.

    Args:
        edits: how many at most, at least 1.

    Only letters inside a word are mistyped, not its first and last, which readers hold on to (Pruthi et al. 2019). Words of three letters
    and less stay, so that no word becomes another small one. Capitals stay capitals.

    Example:
        >>> shift = Typos(edits=1)
        >>> shift.edited("cheap wine", [(1, OMIT)]), shift.edited("cheap wine", [(1, SWAP)])
        ('ceap wine', 'cehap wine')

    Reference: Belinkov & Bisk 2018, "Synthetic and natural noise both break neural machine translation".
    """

    name: ClassVar[str] = "typos"
    references: ClassVar[tuple[str, ...]] = ("belinkov2018synthetic", "pruthi2019combating")

    def places(self, one: str) -> list[int]:
        return [at for start, end in words(one, least=4) for at in range(start + 1, end - 1) if one[at].lower() in NEAR]

    def choices(self, one: str, place: int) -> int:
        return 3 + len(NEAR[one[place].lower()])

    def reach(self, one: str, place: int) -> int:
        return 2  # a swap changes the next letter too

    def edited(self, one: str, edits: list[Edit]) -> str:
        for place, choice in reversed(edits):  # from the end, so that the places before it stay
            letter = one[place]
            near = NEAR[letter.lower()]
            if choice == SWAP:
                one = one[:place] + one[place + 1] + letter + one[place + 2 :]
                continue
            new = "" if choice == OMIT else 2 * letter if choice == DOUBLE else near[choice - 3]
            one = one[:place] + (new.upper() if letter.isupper() else new) + one[place + 1 :]
        return one


def words(text: str, *, least: int = 1) -> list[tuple[int, int]]:
    """Where each run of at least so many letters begins and ends.

    >>> words("It's 3 cats.", least=2)
    [(0, 2), (7, 11)]
    """
    found: list[tuple[int, int]] = []
    start = None
    for at, letter in enumerate(f"{text} "):
        if letter.isalpha():
            start = at if start is None else start
        elif start is not None:
            found += [(start, at)] * (at - start >= least)
            start = None
    return found
