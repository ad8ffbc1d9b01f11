"""GeoDA: estimates the normal of the decision boundary and moves along it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof._rows import length
from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches._boundary_walk import BoundaryWalk, across
from shiftproof.searches._norms import unit
from shiftproof.searches._random_search import cosines
from shiftproof.searches._standing import keep
from shiftproof.searches.abstract import Search
from shiftproof.shifts.abstract import Params, Shift
from shiftproof.shifts.norms.l2 import L2
from shiftproof.shifts.norms.linf import Linf

_LONGER = (1.0, 1.25, 1.6, 2.0)
"""Multiples of the present distance at which the boundary is looked for along a new normal."""


@dataclass(frozen=True)
class Geometric(Search):
    """Estimates the normal of the boundary at its nearest known point, and looks for the boundary along it, straight from the input.

    The normal is the mean of random directions with the signs of their decisions; for images they are made of low frequencies. Where the
    boundary were a plane the first such point were the nearest one; each round takes more directions than the last.

    Args:
        queries: queries per example, at least 1.
        draws: directions of the first estimate, at least 2; each later one has `growth` times as many.
        growth: at least 1.
        reach: how far from the boundary decisions are asked for, as a share of the distance, above 0.
        frequencies: for images, the share of low frequencies along each axis that directions are made of, in (0, 1].
        tries: queries spent on finding a first failure, at least 1.

    Guarantees:
        Asks for decisions only. The distance of its failure never grows, and what it returns as broken lies inside the budget.
    Cost: up to `queries` forwards per example; an example that breaks inside the budget is dropped.

    Reference: Rahmati et al. 2020, "GeoDA: a geometric framework for black-box adversarial attacks".
    """

    name: ClassVar[str] = "geometric"
    aliases: ClassVar[tuple[str, ...]] = ("geoda",)
    supports: ClassVar[tuple[type[Shift], ...]] = (
        Linf,
        L2,
    )
    instead: ClassVar[str] = "best_of_n"
    references: ClassVar[tuple[str, ...]] = ("rahmati2020geoda",)

    queries: int = 2000
    draws: int = 100
    growth: float = 1.5
    reach: float = 0.01
    frequencies: float = 0.5
    tries: int = 50

    @classmethod
    def examples_for_check(cls) -> list[Geometric]:
        """One with few queries."""
        return [cls(queries=150, draws=20, tries=20)]

    def check(self) -> None:
        self.require("queries", "growth", "tries", least=1)
        self.require("draws", least=2)
        self.require("reach", within="(0, inf)")
        self.require("frequencies", within="(0, 1]")

    def most_passes(self, shift: Shift) -> int:
        return self.queries

    def __call__(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Params:
        assert isinstance(shift, Linf | L2)  # `supports` says so
        if not len(x):
            return shift.origin(x)
        walk = BoundaryWalk(shift, oracle, x, rng, self.queries)
        walk.start(self.tries)
        begun = walk.started.nonzero()[:, 0]
        turn = 0
        while len(rows := walk.open(begun)):
            here = walk.come_near(rows, walk.near[rows], 1e-3)
            rows, here = keep(walk.may_ask(rows), rows, here)
            normal = self._normal(walk, rows, here, turn)
            for longer in _LONGER:
                rows, normal = keep(walk.may_ask(rows), rows, normal)
                if not len(rows):
                    break
                aimed = walk.straight(rows, normal, longer * walk.distance[rows])
                wrong = walk.ask(rows, aimed)
                inward = wrong & walk.may_ask(rows)
                walk.come_near(rows[inward], aimed[inward], 1e-3)
                rows, normal = keep(~wrong, rows, normal)
            turn += 1
        return walk.result()

    def _normal(self, walk: BoundaryWalk, rows: Tensor, here: Params, turn: int) -> Params:
        """The mean of random directions, each with the sign of the decision next to `here`."""
        reach = across(length(here.flatten(1)) * self.reach, here)

        def probe(going: Tensor, draw: int) -> tuple[Params, Params]:
            noise = self._noise(walk, walk.stream(rows[going], "round", turn, draw), here[going])
            return walk.inside_box(rows[going], here[going] + reach[going] * noise), noise

        return unit(walk.wrong_direction(rows, here, round(self.draws * self.growth**turn), probe))

    def _noise(self, walk: BoundaryWalk, rng: Rng, like: Tensor) -> Tensor:
        """Chance directions of Euclidean length 1, for images of low frequencies."""
        if walk.shift.space.kind != "image" or like.dim() != 4:
            return unit(rng.normal(*like.shape[1:]).to(like))
        rows, columns = (max(1, round(side * self.frequencies)) for side in like.shape[2:])
        waves = rng.normal(like.shape[1], rows, columns).double()
        down, right = cosines(like.shape[2])[:rows], cosines(like.shape[3])[:columns]
        # In double: a product of matrices may round differently in another batch, here by less than what is kept.
        return unit(torch.einsum("ncij,ih,jw->nchw", waves, down, right).to(like))
