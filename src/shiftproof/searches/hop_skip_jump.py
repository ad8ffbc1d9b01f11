"""HopSkipJump: estimates the normal of the decision boundary from decisions and steps along it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches._boundary_walk import BoundaryWalk, across
from shiftproof.searches._norms import unit
from shiftproof.searches._standing import keep
from shiftproof.searches.abstract import Search
from shiftproof.shifts.abstract import Params, Shift
from shiftproof.shifts.norms.l2 import L2
from shiftproof.shifts.norms.linf import Linf

_HALVINGS = 25
"""Halvings of a jump before it is given up."""


@dataclass(frozen=True)
class HopSkipJump(Search):
    """From a failure anywhere in the box: bisect to the boundary, estimate its normal from decisions, jump along it, repeat.

    The estimate in round t is the mean of sqrt(t) * `draws` random directions, each with the sign of its decision; the jump starts at
    distance / sqrt(t) and is halved until it breaks the model, as in the paper. Two things are added, because a budget is given: every
    bisection first asks at the edge of the budget, and every estimate is also tried from the input itself, at full budget.

    Args:
        queries: queries per example, at least 1.
        draws: directions of the first estimate, at least 2.
        most_draws: directions of any estimate, at least `draws`.
        tries: queries spent on finding a first failure, at least 1.

    Guarantees:
        Asks for decisions only. What it returns as broken lies inside the budget; a failure outside is never counted. Where no failure is
        found in `tries` draws per example is held, and nothing is known about it.
    Cost: up to `queries` forwards per example; an example that breaks inside the budget is dropped.

    Reference: Chen, Jordan & Wainwright 2020, "HopSkipJumpAttack: a query-efficient decision-based attack".
    """

    name: ClassVar[str] = "hop_skip_jump"
    aliases: ClassVar[tuple[str, ...]] = ("hsj",)
    supports: ClassVar[tuple[type[Shift], ...]] = (
        Linf,
        L2,
    )
    instead: ClassVar[str] = "best_of_n"
    references: ClassVar[tuple[str, ...]] = ("chen2020hopskipjump",)

    queries: int = 2000
    draws: int = 100
    most_draws: int = 10_000
    tries: int = 50

    @classmethod
    def examples_for_check(cls) -> list[HopSkipJump]:
        """One with few queries."""
        return [cls(queries=150, draws=10, tries=20)]

    def check(self) -> None:
        self.require("queries", "tries", least=1)
        self.require("draws", least=2)
        self.require("most_draws", least=self.draws)

    def most_passes(self, shift: Shift) -> int:
        return self.queries

    def __call__(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Params:
        assert isinstance(shift, Linf | L2)  # `supports` says so
        if not len(x):
            return shift.origin(x)
        walk = BoundaryWalk(shift, oracle, x, rng, self.queries)
        walk.start(self.tries)
        size = math.prod(x.shape[1:])
        precision = size**-1.5 if isinstance(shift, L2) else size**-2.0
        here = walk.near.clone()
        begun = walk.started.nonzero()[:, 0]
        rows = walk.open(begun)
        hop = 0
        while len(rows):
            here[rows] = walk.come_near(rows, here[rows], precision)
            rows = walk.open(rows)
            away = self._away(walk, rows, here[rows], hop, precision)
            rows, away = keep(walk.may_ask(rows), rows, away)
            rows, away = self._aim(walk, rows, away, here)
            here[rows] = _jump(walk, rows, here[rows], away, hop)
            rows = walk.open(begun)
            hop += 1
        return walk.result()

    def _aim(self, walk: BoundaryWalk, rows: Tensor, away: Params, here: Params) -> tuple[Tensor, Params]:
        """Tries the direction from the input itself, at full budget and at 0.9 of the distance; gives those that did not come nearer so."""
        for radius in (torch.full_like(walk.distance, walk.shift.eps), 0.9 * walk.shift.norm(here).to(walk.distance)):
            aimed = walk.straight(rows, away, radius[rows])
            nearer = walk.ask(rows, aimed)
            here[rows[nearer]] = aimed[nearer]
            rows, away = keep(~nearer & walk.may_ask(rows), rows, away)
        return rows, away

    def _away(self, walk: BoundaryWalk, rows: Tensor, here: Params, hop: int, precision: float) -> Params:
        """The direction in which the model gets more wrong, estimated at the boundary points `here`; unit length, or signs under linf."""
        linf = isinstance(walk.shift, Linf)
        size = math.prod(here.shape[1:])
        share = 0.1 if hop == 0 else precision * (size if linf else math.sqrt(size))
        reach = across(walk.shift.norm(here) * share, here)
        draws = min(round(self.draws * math.sqrt(hop + 1)), self.most_draws)

        def probe(going: Tensor, draw: int) -> tuple[Params, Params]:
            stream = walk.stream(rows[going], "hop", hop, draw)
            noise = stream.uniform(*here.shape[1:], low=-1.0, high=1.0) if linf else stream.normal(*here.shape[1:])
            moves = walk.inside_box(rows[going], here[going] + reach[going] * unit(noise.to(here)))
            return moves, (moves - here[going]) / reach[going]

        away = walk.wrong_direction(rows, here, draws, probe)
        return away.sign() if linf else unit(away)


def _jump(walk: BoundaryWalk, rows: Tensor, here: Params, away: Params, hop: int) -> Params:
    """The first failure along `away`, the step halved from distance / sqrt(hop + 1); where none is found, `here`."""
    here = here.clone()
    step = walk.shift.norm(here).to(here) / math.sqrt(hop + 1)
    going = torch.arange(len(rows), device=rows.device)
    for _ in range(_HALVINGS):
        going = going[walk.may_ask(rows[going])]
        if not len(going):
            break
        landed = walk.inside_box(rows[going], here[going] + across(step[going], here) * away[going])
        wrong = walk.ask(rows[going], landed)
        here[going[wrong]] = landed[wrong]
        going = going[~wrong]
        step[going] /= 2
    return here
