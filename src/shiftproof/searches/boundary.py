"""The boundary attack: a random walk along the decision boundary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof._rows import total
from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches._boundary_walk import BoundaryWalk, across
from shiftproof.searches._norms import unit
from shiftproof.searches.abstract import Search
from shiftproof.shifts.abstract import Params, Shift
from shiftproof.shifts.norms.l2 import L2

_EVERY = 10
"""How many steps between queries of the sidestep alone, which estimate the curvature of the boundary."""
_WINDOW = 10
"""Answers after which a step's size is changed."""
_FACTOR = 1.5


@dataclass(frozen=True)
class Boundary(Search):
    """From a failure anywhere in the box: a step sideways at equal distance, a step inward, kept where the model is still wrong.

    Both steps are shares of the distance. They grow by half where they succeed often and shrink where they rarely do: the sidestep aims
    at even odds, as a boundary that looks flat has, the inward step at one in four.

    Args:
        queries: queries per example, at least 1.
        sideways: the first sidestep as a share of the distance, above 0.
        inward: the first inward step as a share of the distance, in (0, 1).
        tries: queries spent on finding a first failure, at least 1.

    Guarantees:
        The distance of its failure never grows. What it returns as broken lies inside the budget. It needs many queries: hop_skip_jump
        reaches the same distance with far fewer, and this is kept as the yardstick of decision searches.
    Cost: up to `queries` forwards per example; an example that breaks inside the budget is dropped.

    Reference: Brendel, Rauber & Bethge 2018, "Decision-based adversarial attacks: reliable attacks against black-box machine learning
    models".
    """

    name: ClassVar[str] = "boundary"
    aliases: ClassVar[tuple[str, ...]] = ("boundary_attack",)
    supports: ClassVar[tuple[type[Shift], ...]] = (L2,)
    instead: ClassVar[str] = "hop_skip_jump"
    references: ClassVar[tuple[str, ...]] = ("brendel2018decision",)

    queries: int = 5000
    sideways: float = 0.1
    inward: float = 0.1
    tries: int = 50

    @classmethod
    def examples_for_check(cls) -> list[Boundary]:
        """One with few queries."""
        return [cls(queries=150, tries=20)]

    def check(self) -> None:
        self.require("queries", "tries", least=1)
        self.require("sideways", within="(0, inf)")
        self.require("inward", within="(0, 1)")

    def most_passes(self, shift: Shift) -> int:
        return self.queries

    def __call__(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Params:
        assert isinstance(shift, L2)  # `supports` says so
        if not len(x):
            return shift.origin(x)
        walk = BoundaryWalk(shift, oracle, x, rng, self.queries)
        walk.start(self.tries)
        begun = walk.started.nonzero()[:, 0]
        walk.come_near(walk.open(begun), walk.near[walk.open(begun)], 0.01)
        sideways = _AdaptiveStepSize(len(x), self.sideways, low=0.2, high=0.5, like=walk.distance)
        inward = _AdaptiveStepSize(len(x), self.inward, low=0.1, high=0.25, like=walk.distance)
        step = 0
        while len(rows := walk.open(begun)):
            round_, straight = self._propose(walk, rows, sideways.size[rows], inward.size[rows], step)
            if step % _EVERY == 0:
                wrong = walk.ask(rows, round_)
                changed = sideways.learn(rows, wrong)
                inward.size[rows] *= changed  # both are shares of one distance, and a curved boundary shortens both
            else:
                inward.learn(rows, walk.ask(rows, straight))
            inward.size.clamp_(max=0.5)
            step += 1
        return walk.result()

    @staticmethod
    def _propose(walk: BoundaryWalk, rows: Tensor, sideways: Tensor, inward: Tensor, step: int) -> tuple[Params, Params]:
        """The sidestep, and the sidestep with the inward step, from the nearest failures."""
        here = walk.near[rows]
        noise = walk.stream(rows, "step", step).normal(*here.shape[1:]).to(here)
        back = unit(here)
        noise = unit(noise - across(total((noise * back).flatten(1)), noise) * back)
        aside = here + across(walk.distance[rows] * sideways, here) * noise
        round_ = walk.inside_box(rows, aside / across((1 + sideways.square()).sqrt(), aside))
        return round_, walk.inside_box(rows, round_ * across(1 - inward, round_))


class _AdaptiveStepSize:
    """A step size per example that follows its rate of success."""

    def __init__(self, n: int, first: float, *, low: float, high: float, like: Tensor) -> None:
        self.size = torch.full((n,), first, dtype=like.dtype, device=like.device)
        self._low, self._high = low, high
        self._asked, self._won = torch.zeros_like(self.size), torch.zeros_like(self.size)

    def learn(self, rows: Tensor, won: Tensor) -> Tensor:
        """Counts these answers; where a window is full, changes the size and says by what factor, shape (len(rows),)."""
        self._asked[rows] += 1
        self._won[rows] += won.to(self._won)
        full = self._asked[rows] >= _WINDOW
        rate = self._won[rows] / self._asked[rows]
        factor = torch.ones_like(rate)
        factor[full & (rate > self._high)] = _FACTOR
        factor[full & (rate < self._low)] = 1 / _FACTOR
        self.size[rows] *= factor
        done = rows[full]
        self._asked[done], self._won[done] = 0.0, 0.0
        return factor
