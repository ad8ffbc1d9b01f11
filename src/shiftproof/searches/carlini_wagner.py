"""Adam on the squared length plus a multiple of the margin, the multiple found by bisection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof._rows import total
from shiftproof.losses import margin
from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches._norms import column
from shiftproof.searches._penalty_weight import Adam, Weight
from shiftproof.searches._standing import keep
from shiftproof.searches.minimal import MinimalSearch, SmallestMoves, breadth
from shiftproof.shifts.abstract import Params, Shift
from shiftproof.shifts.norms.ball import Ball

_EDGE = 0.999999
"""How near to the bounds of the box the change of variables starts, as the authors have it."""


class BoxVariables:
    """The change of variables m = middle + half * tanh(w) that no step can leave the box by; m = w where there is no box."""

    def __init__(self, low: Tensor, high: Tensor) -> None:
        self._open = ~(low.isfinite() & high.isfinite())
        self._middle = ((low + high) / 2).masked_fill(self._open, 0.0)
        self._half = ((high - low) / 2).masked_fill(self._open, 1.0)
        self._low, self._high = low, high

    def __getitem__(self, rows: Tensor) -> BoxVariables:
        return BoxVariables(self._low[rows], self._high[rows])

    def start(self) -> Tensor:
        """The w of the move 0."""
        share = (-self._middle / self._half.clamp_min(torch.finfo(self._half.dtype).tiny)).clamp(-1.0, 1.0)
        return torch.atanh(_EDGE * share).masked_fill(self._open, 0.0)

    def move(self, w: Tensor) -> tuple[Params, Tensor]:
        """The move, and its derivative by w."""
        bent = torch.tanh(w)
        move = torch.where(self._open, w, self._middle + self._half * bent)
        slope = torch.where(self._open, torch.ones_like(w), self._half * (1 - bent.square()))
        return torch.minimum(torch.maximum(move, self._low), self._high), slope


@dataclass(frozen=True)
class CarliniWagner(MinimalSearch):
    """min over m of ||m||_2^2 + weight * max(confidence - margin(m), 0), by Adam in variables that cannot leave the box.

    The weight goes up tenfold until it breaks the example, then is bisected.

    Args:
        steps: steps for each weight, at least 1.
        rounds: weights tried for each example, at least 1.
        step_size: Adam's, in the variables w of m = middle + half * tanh(w), above 0.
        weight: the first weight, for a box of width 1, above 0.
        confidence: the margin asked for, at least 0.
        abort: give up a weight where the objective has not fallen by 0.01% in a tenth of the steps; each example by itself, where the
            authors' code waits for the whole batch.

    Guarantees:
        What it finds breaks the model. Where it converges (1000 steps and more) it is within 1% of the least l2 distance of a linear model;
        features at the very bound of the box move late, as the tangent is flat there.
    Cost: up to rounds * steps forwards and as many backwards per example: the slowest search here.

    Reference: Carlini & Wagner 2017, "Towards evaluating the robustness of neural networks" (C&W).
    """

    name: ClassVar[str] = "carlini_wagner"
    aliases: ClassVar[tuple[str, ...]] = ("cw",)
    norms: ClassVar[tuple[str, ...]] = ("l2",)
    references: ClassVar[tuple[str, ...]] = ("carlini2017towards",)

    steps: int = 1000
    rounds: int = 9
    step_size: float = 0.01
    weight: float = 0.001
    confidence: float = 0.0
    abort: bool = True

    def check(self) -> None:
        self.require("steps", "rounds", least=1)
        self.require("step_size", "weight", within="(0, inf)")
        self.require("confidence", least=0)

    def most_passes(self, shift: Shift) -> int:
        return 2 * self.rounds * self.steps

    def least(self, shift: Ball, oracle: Oracle, x: Tensor, rng: Rng, *, enough: float = 0.0) -> SmallestMoves:
        best, weight = SmallestMoves(shift, x, enough), Weight.of(self.weight * breadth(shift) ** 2, x)
        variables = BoxVariables(*shift.room(x))
        for _ in range(self.rounds):
            rows = best.wanted()
            if not len(rows):
                break
            weight.learn(rows, self._descend(shift, oracle[rows], rows, variables[rows], weight.value[rows], best))
        return best

    def _descend(self, shift: Ball, here: Oracle, rows: Tensor, variables: BoxVariables, weight: Tensor, best: SmallestMoves) -> Tensor:
        """One weight each; says which of the examples it broke, shape of rows."""
        succeeded = torch.zeros(len(rows), dtype=torch.bool, device=rows.device)
        at = torch.arange(len(rows), device=rows.device)
        adam, w = Adam(self.step_size), variables.start()
        lowest = torch.full_like(weight, torch.inf)
        for step in range(self.steps):
            move, slope = variables.move(w)
            answer, (value,), (gradient,) = here.gradients(move, (margin,))
            good = answer.broken & (value >= self.confidence)
            succeeded[at] |= good
            go_on = best.offer(rows[at], move, good)
            objective = total(move.flatten(1).square()) + weight * (self.confidence - value).clamp_min(0.0)
            if self.abort and step % max(self.steps // 10, 1) == 0:
                go_on = go_on & (objective <= 0.9999 * lowest)
                lowest = torch.where(go_on, objective, lowest)
            downhill = (2 * move - column(weight * (value < self.confidence), move) * gradient) * slope
            w = w - adam.step(downhill)
            if not bool(go_on.all()):
                at, here, variables, weight, lowest, w, adam = keep(go_on, at, here, variables, weight, lowest, w, adam)
                if not len(at):
                    break
        return succeeded
