"""Bandit attack: a running estimate of the gradient, updated by two score queries at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from shiftproof._rows import length
from shiftproof.models.abstract import Access, Graded
from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches._boundary_walk import across
from shiftproof.searches._random_search import signs
from shiftproof.searches.abstract import Incumbent, Search
from shiftproof.shifts.abstract import Params, Shift
from shiftproof.shifts.norms.l2 import L2
from shiftproof.shifts.norms.linf import Linf


@dataclass(frozen=True)
class Bandits(Search):
    """Keeps a prior of the gradient on coarse tiles, updates it from the difference of scores at two points around it, and ascends it.

    Each round asks at the move plus `probe` times (prior + u) and (prior - u), for a chance u of length `exploration`, adds the slope that
    this shows to the prior (under linf by exponentiated gradients), and takes one step along the prior.

    Args:
        queries: queries per example, at least 3: two to learn and one after the step, a round.
        step_size: each step as a share of the budget's radius, above 0.
        prior_rate: how fast the prior learns, above 0. A slope counts against the running mean of its size, so scores may have any scale.
        exploration: length of u against the prior's, above 0.
        probe: distance of the two guesses as a share of the budget's radius, above 0.
        tile: side of an image's tiles in pixels, at least 1; other inputs have a prior of their own shape.

    Guarantees:
        Blind to masked gradients; where scores are flat around a move it is lost. It finds failures and proves nothing.
    Cost: up to `queries` forwards per example; an example that breaks is dropped.

    Reference: Ilyas, Engstrom & Madry 2019, "Prior convictions: black-box adversarial attacks with bandits and priors".
    """

    name: ClassVar[str] = "bandits"
    needs: ClassVar[Access] = Graded
    supports: ClassVar[tuple[type[Shift], ...]] = (
        Linf,
        L2,
    )
    instead: ClassVar[str] = "gradient_estimate"
    references: ClassVar[tuple[str, ...]] = ("ilyas2019prior",)

    queries: int = 1000
    step_size: float = 0.2
    prior_rate: float = 0.1
    exploration: float = 1.0
    probe: float = 0.1
    tile: int = 2

    @classmethod
    def examples_for_check(cls) -> list[Bandits]:
        """One with few queries."""
        return [cls(queries=60)]

    def check(self) -> None:
        self.require("queries", least=3)
        self.require("tile", least=1)
        self.require("step_size", "prior_rate", "exploration", "probe", within="(0, inf)")

    def most_passes(self, shift: Shift) -> int:
        return self.queries

    def __call__(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Params:
        assert isinstance(shift, Linf | L2)  # `supports` says so
        params = shift.origin(x)
        best = Incumbent(params)
        prior = self._start(shift, x)
        usual = x.new_zeros(len(x))
        for turn in range(self.queries // 3):
            rows = best.standing()
            if not len(rows):
                break
            noise = signs(rng[rows.cpu()].child("round", turn), *prior.shape[1:]).to(prior)
            rows, noise, slope = self._slope(shift, oracle, best, rows, params, prior, noise)
            if not len(rows):
                break
            usual[rows] = slope.abs() if not turn else 0.9 * usual[rows] + 0.1 * slope.abs()
            estimate = (slope / usual[rows].clamp_min(1e-12)).reshape(-1, *[1] * (prior.dim() - 1)) * noise
            prior[rows] = _learn(prior[rows], estimate, self.prior_rate, linf=isinstance(shift, Linf))
            params[rows] = shift.project(x[rows], shift.ascend(params[rows], _stretch(prior[rows], x.shape), self.step_size))
            best.update(rows, params[rows], oracle[rows](params[rows]))
        return best.params

    def _start(self, shift: Linf | L2, x: Tensor) -> Tensor:
        if shift.space.kind != "image" or x.dim() != 4:
            return torch.zeros_like(x)
        height, width = (math.ceil(side / self.tile) for side in x.shape[2:])
        return x.new_zeros(len(x), x.shape[1], height, width)

    def _slope(
        self, shift: Linf | L2, oracle: Oracle, best: Incumbent, rows: Tensor, params: Params, prior: Tensor, noise: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The slope of the margin along the noise, of those that both guesses left standing, with their rows and noise."""
        reach = self.exploration / math.sqrt(noise[0].numel()) if len(noise) else 0.0
        values: list[Tensor] = []
        for side in (1.0, -1.0):
            guess = shift.ascend(params[rows], _stretch(prior[rows] + side * reach * noise, oracle.x.shape), self.probe)
            guess = shift.project(oracle.x[rows], guess)
            answer = oracle[rows](guess)
            best.update(rows, guess, answer)
            still = ~answer.broken
            rows, noise = rows[still], noise[still]
            values = [*(value[still] for value in values), answer.margin[still].to(params)]
        return rows, noise, (values[0] - values[1]).nan_to_num(0.0, 0.0, 0.0)


def _learn(prior: Tensor, estimate: Tensor, rate: float, *, linf: bool) -> Tensor:
    """The prior after one estimate: a step of exponentiated gradients on [-1, 1] under linf, else an ordinary one, at length up to 1."""
    if linf:
        share = ((prior + 1) / 2).clamp(1e-4, 1 - 1e-4)
        return 2 * torch.sigmoid(torch.logit(share) + rate * estimate) - 1
    moved = prior + rate / math.sqrt(prior[0].numel()) * estimate
    return moved / across(length(moved.flatten(1)).clamp_min(1.0), moved)


def _stretch(prior: Tensor, shape: torch.Size) -> Tensor:
    """The prior at the inputs' size."""
    return prior if prior.shape[1:] == shape[1:] else F.interpolate(prior, size=shape[2:], mode="nearest")
