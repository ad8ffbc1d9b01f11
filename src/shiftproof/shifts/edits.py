"""Moves that are a few edits of an input, such as typos: whole numbers, an edit a row, so that every finding is stored and replayed."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from shiftproof.data.rows import Items, KeptText
from shiftproof.data.space import Kind
from shiftproof.randomness import Rng
from shiftproof.shifts.abstract import Params, Shift

UNUSED = -1.0
"""Stands, as place and as choice, where there is no edit."""
Edit = tuple[int, int]
"""Where, and which of the edits that are possible there."""


@dataclass(frozen=True)
class Edits(Shift):
    """Up to `edits` edits of each input, no two at one place.

    Params, shape (n, edits, 2), float64, are (place, choice), whole numbers from 0 on, in the order of the places, -1 for both where an
    edit is unused. Places and choices are those of the unmoved input. A subclass writes `places`, `choices` and `edited`.

    The average case draws as many edits as are allowed: the places without replacement, then a choice for each, all alike likely.
    """

    kinds: ClassVar[frozenset[Kind]] = frozenset({"text"})
    strength: ClassVar[str] = "edits"

    edits: int

    def check(self) -> None:
        self.require("edits", least=1)

    @abstractmethod
    def places(self, one: Any) -> list[int]:
        """Where this input can be edited, in ascending order."""

    @abstractmethod
    def choices(self, one: Any, place: int) -> int:
        """How many edits are possible at this place, at least 1."""

    def ways(self, one: Any, place: int) -> tuple[int, ...]:
        """Where the choices of a place that are of one kind end, in ascending order: all of one kind, unless the shift tells them apart."""
        return (self.choices(one, place),)

    def reach(self, one: Any, place: int) -> int:
        """How many characters from this place on an edit may change: those that must be kept are out of reach."""
        return 1

    @abstractmethod
    def edited(self, one: Any, edits: list[Edit]) -> Any:
        """The input after these edits, which are in ascending order of their places. Pure."""

    @property
    def tolerance(self) -> float:
        return 0.0

    @property
    def gene(self) -> int:
        return 2

    def origin(self, x: Any) -> Params:
        """No edit of any input."""
        return torch.full((len(x), self.edits, 2), UNUSED, dtype=torch.float64)

    def free(self, one: Any) -> list[int]:
        """The places at which no edit changes what must be kept."""
        places = self.places(one)
        if not isinstance(one, KeptText):
            return places
        return [at for at in places if not any(at < end and start < at + self.reach(one, at) for start, end in one.kept)]

    def sample(self, x: Any, rng: Rng) -> Params:
        chance = rng.uniform(self.edits, 2).tolist()
        return self.params([self.chosen(one, draws) for one, draws in zip(x, chance, strict=True)])

    def chosen(self, one: Any, chance: list[list[float]]) -> list[Edit]:
        """The edits of this input that pairs of uniform numbers in [0, 1) draw: the place, of those that are left, and the choice."""
        left = self.free(one)
        mine: list[Edit] = []
        for which, what in chance[: len(left)]:
            place = left.pop(part_of(which, len(left)))
            mine.append((place, self.drawn(one, place, what)))
        return self.possible(one, mine)

    def drawn(self, one: Any, place: int, chance: float) -> int:
        """The edit that a uniform number in [0, 1) draws at this place."""
        return part_of(chance, self.choices(one, place))

    def params(self, edits: list[list[Edit]]) -> Params:
        """The moves of these edits, a list for each input."""
        flat: list[float] = []
        for mine in edits:
            for pair in mine if len(mine) < 2 else sorted(mine):
                flat += pair
            flat += (UNUSED,) * (2 * (self.edits - len(mine)))
        return torch.from_numpy(np.array(flat, dtype=np.float64).reshape(len(edits), self.edits, 2))

    def project(self, x: Any, params: Params) -> Params:
        """Drops edits that are impossible, and all but the first at a place; the others in order."""
        return self.params([self.possible(one, edits_of(move)) for one, move in zip(x, params.tolist(), strict=True)])

    def possible(self, one: Any, edits: list[Edit]) -> list[Edit]:
        """Those of these edits that are possible, the first at each place, no more than are allowed."""
        there = set(self.free(one))
        first: dict[int, int] = {}
        for place, choice in edits:
            if place in there and 0 <= choice < self.choices(one, place):
                first.setdefault(place, choice)
        return list(first.items())[: self.edits]

    def apply(self, x: Any, params: Params) -> Any:
        made = ((one, edits_of(move)) for one, move in zip(x, params.tolist(), strict=True))
        return Items(self.edited(one, sorted(edits)) if edits else one for one, edits in made)

    def excess(self, x: Any, params: Params) -> Tensor:
        """0 where every edit is possible and no two share a place, else 1."""
        if params.shape[1:] != (self.edits, 2):
            return torch.ones(len(params), dtype=torch.float64)
        legal = [self._legal(one, move) for one, move in zip(x, params.tolist(), strict=True)]
        return 1.0 - torch.tensor(legal, dtype=torch.float64)

    def _legal(self, one: Any, move: list[list[float]]) -> bool:
        if not all(np.isfinite(pair).all() and pair[0] == int(pair[0]) and pair[1] == int(pair[1]) for pair in move):
            return False
        used = [pair for pair in move if pair != [UNUSED, UNUSED]]
        return len(self.possible(one, edits_of(used))) == len(used)

    def neighbours(self, one: Any, have: list[Edit]) -> Iterator[list[Edit]]:
        """Every move that has one edit more than this one, by place and choice."""
        taken = {place for place, _ in have}
        if len(have) < self.edits:
            for place in self.free(one):
                if place not in taken:
                    yield from ([*have, (place, choice)] for choice in range(self.choices(one, place)))

    def every(self, one: Any) -> Iterator[list[Edit]]:
        """Every move of this input: none first, then by the number of edits, the places and the choices."""
        places = self.free(one)
        for size in range(min(self.edits, len(places)) + 1):
            for chosen in combinations(places, size):
                for choice in product(*(range(self.choices(one, place)) for place in chosen)):
                    yield list(zip(chosen, choice, strict=True))

    def count(self, one: Any) -> int:
        """How many moves `every` gives, without making them.

        With c_1, ..., c_m choices at the places it is the sum over k <= edits of the elementary symmetric polynomials e_k(c_1, ..., c_m).
        """
        sums = [1] + [0] * self.edits
        for place in self.free(one):
            choices = self.choices(one, place)
            for size in range(self.edits, 0, -1):
                sums[size] += choices * sums[size - 1]
        return sum(sums)


def edits_of(move: list[list[float]]) -> list[Edit]:
    """The edits of a move, in its order, without the unused ones."""
    try:
        return [(int(place), int(choice)) for place, choice in move if place != UNUSED]
    except (ValueError, OverflowError):  # some are not finite
        return [(int(place), int(choice)) for place, choice in move if place != UNUSED and math.isfinite(place) and math.isfinite(choice)]


def part_of(chance: float, parts: int) -> int:
    """Which of so many equal parts of [0, 1) a number lies in."""
    at = int(chance * parts)
    return at if at < parts else parts - 1
