"""The boundary taken for a plane: estimate its normal from decisions, go along it from the input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof._rows import length
from shiftproof.models.abstract import Access, Answers
from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches._decisions import Walk, across, unit_length
from shiftproof.searches._random_search import cosines
from shiftproof.searches.abstract import Search
from shiftproof.shifts.abstract import Params, Shift
from shiftproof.shifts.norms.l2 import L2
from shiftproof.shifts.norms.linf import Linf

_LONGER = (1.0, 1.25, 1.6, 2.0)
"""Multiples of the present distance at which the boundary is looked for along a new normal."""


@dataclass(frozen=True)
class Geometric(Search):
    """Estimates the normal of the boundary at its nearest known point, and looks for the boundary along it, straight from the input.

    The normal is the mean of chance directions with the signs of their decisions; for images they are made of low frequencies. Where the
    boundary were a plane the first such point were the nearest one; each round takes more directions than the last.

    Args:
        queries: questions an example, at least 1.
        draws: directions of the first estimate, at least 2; each later one has `growth` times as many.
        growth: at least 1.
        reach: how far from the boundary decisions are asked for, as a share of the distance, above 0.
        frequencies: for images, the share of low frequencies along each axis that directions are made of, in (0, 1].
        tries: questions spent on finding a first failure, at least 1.

    Guarantees:
        Asks for decisions only. The distance of its failure never grows, and what it returns as broken lies inside the budget.
    Cost: up to `queries` forwards an example; an example that breaks inside the budget is dropped.

    Reference: Rahmati et al. 2020, "GeoDA: a geometric framework for black-box adversarial attacks".
    """

    name: ClassVar[str] = "geometric"
    aliases: ClassVar[tuple[str, ...]] = ("geoda",)
    needs: ClassVar[Access] = Answers
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

    def objection(self, shift: Shift) -> str | None:
        if not isinstance(shift, Linf | L2):
            return f"it measures distance in linf or l2, not in {shift.name}: use best_of_n"
        return super().objection(shift)

    def most_passes(self, shift: Shift) -> int:
        return self.queries

    def __call__(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Params:
        assert isinstance(shift, Linf | L2)  # `objection` has said so
        if not len(x):
            return shift.origin(x)
        walk = Walk(shift, oracle, x, rng, self.queries)
        walk.start(self.tries)
        begun = walk.started.nonzero()[:, 0]
        turn = 0
        while len(rows := walk.open(begun)):
            here = walk.come_near(rows, walk.near[rows], 1e-3)
            going = ~walk.broken[rows] & (walk.left[rows] > 0)
            rows, here = rows[going], here[going]
            normal = self._normal(walk, rows, here, turn)
            for longer in _LONGER:
                going = ~walk.broken[rows] & (walk.left[rows] > 0)
                rows, normal = rows[going], normal[going]
                if not len(rows):
                    break
                aimed = walk.straight(rows, normal, longer * walk.distance[rows])
                wrong = walk.ask(rows, aimed)
                inward, straight = rows[wrong], aimed[wrong]
                open_ = ~walk.broken[inward] & (walk.left[inward] > 0)
                walk.come_near(inward[open_], straight[open_], 1e-3)
                rows, normal = rows[~wrong], normal[~wrong]
            turn += 1
        return walk.result()

    def _normal(self, walk: Walk, rows: Tensor, here: Params, turn: int) -> Params:
        """The mean of chance directions, each with the sign of its decision next to `here`."""
        total, plain = torch.zeros_like(here), torch.zeros_like(here)
        votes = here.new_zeros(len(here))
        count = here.new_zeros(len(here))
        reach = across(length(here.flatten(1)) * self.reach, here)
        going = torch.arange(len(rows), device=rows.device)
        for draw in range(round(self.draws * self.growth**turn)):
            going = going[~walk.broken[rows[going]] & (walk.left[rows[going]] > 0)]
            if not len(going):
                break
            noise = self._noise(walk, walk.stream(rows[going], "round", turn, draw), here[going])
            vote = walk.ask(rows[going], walk.inside_box(rows[going], here[going] + reach[going] * noise)).to(here) * 2 - 1
            total[going] += across(vote, noise) * noise
            plain[going] += noise
            votes[going] += vote
            count[going] += 1
        mean = votes / count.clamp_min(1)
        return unit_length(torch.where(across((mean.abs() < 1).to(here), here) > 0, total - across(mean, here) * plain, total))

    def _noise(self, walk: Walk, rng: Rng, like: Tensor) -> Tensor:
        """Chance directions of Euclidean length 1, for images of low frequencies."""
        if walk.shift.space.kind != "image" or like.dim() != 4:
            return unit_length(rng.normal(*like.shape[1:]).to(like))
        rows, columns = (max(1, round(side * self.frequencies)) for side in like.shape[2:])
        waves = rng.normal(like.shape[1], rows, columns).double()
        down, right = cosines(like.shape[2])[:rows], cosines(like.shape[3])[:columns]
        # In double: a product of matrices may round differently in another batch, here by less than what is kept.
        return unit_length(torch.einsum("ncij,ih,jw->nchw", waves, down, right).to(like))
