"""Descent on the margin and a smooth count of the features moved, with small moves cut away at each step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof.losses import margin
from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches._norms import column
from shiftproof.searches._penalty_weight import Adam
from shiftproof.searches._standing import keep
from shiftproof.searches.minimal import MinimalSearch, SmallestMoves, breadth, cosine
from shiftproof.shifts.abstract import Params, Shift
from shiftproof.shifts.norms.ball import Ball


@dataclass(frozen=True)
class SigmaZero(MinimalSearch):
    """min over m in the box of max(-margin(m), 0) + mean_i m_i^2 / (m_i^2 + smoothness), its gradient at largest entry 1, by Adam.

    After each step what is smaller than a threshold is set to 0; the threshold grows where the model is wrong and falls where it is right.

    Args:
        steps: steps, at least 1.
        step_size: the first step, in widths of the box; it goes down to a tenth along a cosine; above 0.
        smoothness: how soft the count is, for a box of width 1, above 0.
        threshold: the first threshold, in widths of the box, in [0, 1].
        threshold_step: by how much of the step the threshold changes, above 0.

    Guarantees:
        What it finds breaks the model. The count is not smooth, so no distance is promised.
    Cost: up to steps forwards and steps backwards per example.

    Reference: Cinà et al. 2025, "sigma-zero: gradient-based optimization of l0-norm adversarial examples".
    """

    name: ClassVar[str] = "sigma_zero"
    norms: ClassVar[tuple[str, ...]] = ("l0",)
    references: ClassVar[tuple[str, ...]] = ("cina2025sigma",)

    steps: int = 100
    step_size: float = 1.0
    smoothness: float = 0.001
    threshold: float = 0.3
    threshold_step: float = 0.01

    def check(self) -> None:
        self.require("steps", least=1)
        self.require("step_size", "smoothness", "threshold_step", within="(0, inf)")
        self.require("threshold", within="[0, 1]")

    def most_passes(self, shift: Shift) -> int:
        return 2 * self.steps

    def least(self, shift: Ball, oracle: Oracle, x: Tensor, rng: Rng, *, enough: float = 0.0) -> SmallestMoves:
        best, width = SmallestMoves(shift, x, enough), breadth(shift)
        rows, here, move = torch.arange(len(x), device=x.device), oracle, shift.origin(x)
        low, high = shift.room(x)
        threshold = x.new_full((len(x),), self.threshold)
        adam = Adam(self.step_size)
        for step in range(self.steps):
            answer, (value,), (gradient,) = here.gradients(move, (margin,))
            wanted, broken = best.offer(rows, move, answer.broken), answer.broken
            if not bool(wanted.all()):
                rows, here, broken, value, gradient = keep(wanted, rows, here, broken, value, gradient)
                move, low, high, threshold, adam = keep(wanted, move, low, high, threshold, adam)
                if not len(rows):
                    break
            size = cosine(step, self.steps, self.step_size, 0.1 * self.step_size)
            share = move / width
            down = self._count_slope(share) - column((value < 0).to(x.dtype), move) * gradient * width
            steepest = down.flatten(1).abs().amax(1).clamp_min(1e-12)
            share = share - adam.step(down / column(steepest, down), size)
            move = torch.minimum(torch.maximum(share * width, low), high)
            threshold = (threshold + torch.where(broken, 1.0, -1.0) * self.threshold_step * size).clamp(0.0, 1.0)
            move = move.masked_fill(move.abs() < column(threshold, move) * width, 0.0)
        return best

    def _count_slope(self, share: Params) -> Tensor:
        """The gradient of the smooth count, as a share of all features."""
        soft = share.square() + self.smoothness
        return 2 * share * self.smoothness / soft.square() / max(share[0].numel(), 1)
