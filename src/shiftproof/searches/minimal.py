"""The base class of minimum-norm searches: one run yields accuracy at every budget."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof.models.abstract import Access, Gradients
from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches.abstract import Search
from shiftproof.shifts.abstract import Params, Shift
from shiftproof.shifts.norms.ball import Ball
from shiftproof.shifts.norms.l0 import L0
from shiftproof.shifts.norms.l1 import L1


class SmallestMoves:
    """The smallest move found so far for each of n examples that breaks it; `size`, shape (n,), is infinite where none has.

    An example whose size is at most `enough` needs no more looking at.
    """

    def __init__(self, shift: Ball, x: Tensor, enough: float) -> None:
        self._shift, self._enough = shift, enough
        self.params = shift.origin(x)
        self.size = torch.full((len(x),), torch.inf, dtype=x.dtype, device=x.device)

    def offer(self, rows: Tensor, params: Params, broken: Tensor) -> Tensor:
        """Keeps the moves that break their examples, those at `rows`, and are smaller; says for whom one is still wanted, shape (m,)."""
        size = self._shift.norm(params).to(self.size)
        at = (broken & (size < self.size[rows])).nonzero()[:, 0]
        self.params[rows[at]] = params[at]
        self.size[rows[at]] = size[at]
        return self.size[rows] > self._enough

    def wanted(self) -> Tensor:
        """Positions of the examples that need looking at."""
        return (self.size > self._enough).nonzero()[:, 0]


@dataclass(frozen=True)
class MinimalSearch(Search):
    """A search for the least move of each example that breaks it.

    Under `confront` with a budget it is a search like any other: it stops at an example as soon as it has a move inside the budget, and
    where its least move is larger it returns that move's projection. `security_curve` lets it run to the end and gives accuracy at every
    budget from the one run.
    """

    needs: ClassVar[Access] = Gradients
    of_classes: ClassVar[bool] = True
    norms: ClassVar[tuple[str, ...]]
    """The names of the balls whose distance it makes small."""

    @classmethod
    def shifts_for_check(cls) -> list[Shift]:
        """The balls that it takes and that no other search is checked on."""
        return [ball for ball in (L1(1.0), L0(2)) if ball.name in cls.norms]

    def unsupported(self, shift: Shift) -> str | None:
        if not isinstance(shift, Ball) or shift.name not in self.norms:
            return f"it minimises the distance in {' or '.join(self.norms)}, not {shift.name}: use auto_step"
        return None

    @abstractmethod
    def least(self, shift: Ball, oracle: Oracle, x: Tensor, rng: Rng, *, enough: float = 0.0) -> SmallestMoves:
        """The smallest breaking moves found for x of shape (n, ...), inside the box; an example is left out once one is at most `enough`.

        `oracle` answers about moves of any size.
        """

    def __call__(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Params:
        assert isinstance(shift, Ball)  # `objection` has said so
        if not len(x):
            return shift.origin(x)
        found = self.least(shift, oracle.beyond(), x, rng, enough=shift.eps)
        outside = (found.size > shift.eps).nonzero()[:, 0]
        params = found.params
        params[outside] = shift.project(x[outside], params[outside])
        return params


def breadth(shift: Ball) -> float:
    """The width of the box in units of the budget, the papers' 1; 1 where there is no box."""
    return shift.space.width if math.isfinite(shift.space.width) else 1.0


def farthest(shift: Ball, x: Tensor) -> Tensor:
    """The size of the largest move that the box leaves each example, shape (n,)."""
    low, high = shift.room(x)
    return shift.norm(torch.maximum(low.abs(), high.abs())).to(x)


def cosine(step: int, steps: int, first: float, last: float) -> float:
    """From `first` at step 0 towards `last`, along half a cosine."""
    return last + (first - last) * (1 + math.cos(math.pi * step / steps)) / 2
