"""Shrinking gradient steps on length, sum of amounts and margin together: sparse moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof.losses import margin
from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches._norms import column
from shiftproof.searches._penalty_weight import Weight
from shiftproof.searches._standing import keep
from shiftproof.searches.minimal import MinimalSearch, SmallestMoves, breadth
from shiftproof.shifts.abstract import Shift
from shiftproof.shifts.norms.ball import Ball


@dataclass(frozen=True)
class ElasticNet(MinimalSearch):
    """min over m in the box of weight * max(-margin(m), 0) + ||m||_2^2 + sparsity * ||m||_1, by fast iterative shrinkage.

    The weight goes up tenfold until it breaks the example, then is bisected. Of the moves that break it the smallest in the shift's own
    norm is kept.

    Args:
        steps: steps for each weight, at least 1.
        rounds: weights tried for each example, at least 1.
        step_size: the first step, that goes down with the square root of what is left; for a box of width 1, above 0.
        sparsity: the share of the sum of amounts, for a box of width 1, at least 0.
        weight: the first weight, for a box of width 1, above 0.

    Guarantees:
        What it finds breaks the model. No distance is promised: it weighs two norms, and the least of neither is its optimum.
    Cost: up to 2 * rounds * steps forwards and rounds * steps backwards per example.

    Reference: Chen et al. 2018, "EAD: elastic-net attacks to deep neural networks via adversarial examples".
    """

    name: ClassVar[str] = "elastic_net"
    aliases: ClassVar[tuple[str, ...]] = ("ead",)
    norms: ClassVar[tuple[str, ...]] = ("l1", "l2")
    references: ClassVar[tuple[str, ...]] = ("chen2018ead",)

    steps: int = 1000
    rounds: int = 9
    step_size: float = 0.01
    sparsity: float = 0.01
    weight: float = 0.001

    @classmethod
    def examples_for_check(cls) -> list[ElasticNet]:
        """Few steps need a weight that is large enough from the first."""
        return [cls(steps=40, rounds=4, weight=1.0)]

    def check(self) -> None:
        self.require("steps", "rounds", least=1)
        self.require("step_size", "weight", within="(0, inf)")
        self.require("sparsity", least=0)

    def most_passes(self, shift: Shift) -> int:
        return 3 * self.rounds * self.steps

    def least(self, shift: Ball, oracle: Oracle, x: Tensor, rng: Rng, *, enough: float = 0.0) -> SmallestMoves:
        # In widths of the box: with m = width * u the objective is width^2 * (||u||_2^2 + sparsity ||u||_1 + weight * margin loss).
        best, weight = SmallestMoves(shift, x, enough), Weight.of(self.weight * breadth(shift) ** 2, x)
        for _ in range(self.rounds):
            rows = best.wanted()
            if not len(rows):
                break
            weight.learn(rows, self._descend(shift, oracle[rows], rows, weight.value[rows], best))
        return best

    def _descend(self, shift: Ball, here: Oracle, rows: Tensor, weight: Tensor, best: SmallestMoves) -> Tensor:
        """One weight each; says which of the examples it broke, shape of rows."""
        succeeded = torch.zeros(len(rows), dtype=torch.bool, device=rows.device)
        at = torch.arange(len(rows), device=rows.device)
        low, high = shift.room(here.x)
        move = ahead = shift.origin(here.x)
        cut = self.sparsity * breadth(shift)
        for step in range(self.steps):
            _, (value,), (gradient,) = here.gradients(ahead, (margin,))
            size = self.step_size * (1 - step / self.steps) ** 0.5
            down = ahead - size * (2 * ahead - column(weight * (value <= 0), ahead) * gradient)
            # The threshold is not multiplied by the step, as in the authors' code; it is what makes their moves sparse in so few steps.
            last, move = move, torch.minimum(torch.maximum(down.sign() * (down.abs() - cut).clamp_min(0.0), low), high)
            ahead = torch.minimum(torch.maximum(move + step / (step + 3) * (move - last), low), high)
            broken = here(move).broken
            succeeded[at] |= broken
            wanted = best.offer(rows[at], move, broken)
            if not bool(wanted.all()):
                at, here, weight, low, high, move, ahead = keep(wanted, at, here, weight, low, high, move, ahead)
                if not len(at):
                    break
        return succeeded
