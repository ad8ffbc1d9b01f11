"""DeepFool: steps to the nearest linearised boundary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof.losses import margin_to
from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches._norms import column, norm_of
from shiftproof.searches._standing import keep
from shiftproof.searches.minimal import MinimalSearch, SmallestMoves
from shiftproof.shifts.abstract import Params, Shift
from shiftproof.shifts.norms.ball import Ball

_SLACK = 0.0005
"""How far each step goes beyond the linearised boundary, as a share of the first."""


@dataclass(frozen=True)
class DeepFool(MinimalSearch):
    """m <- box(m + (1 + overshoot) d) until that breaks the model; d is the least way to the nearest linearised boundary (box left aside).

    Args:
        steps: steps, at least 1.
        overshoot: each step is larger than the distance by this share, at least 0.
        candidates: other classes looked at, those of largest score at the start, at least 1.

    Guarantees:
        On a linear model it ends `overshoot` beyond the least distance in linf and l2, where the box is not active; of two classes there
        too. Elsewhere it is fast and rough: it stops at the first move that breaks the model.
    Cost: up to 2 * steps + 1 forwards and candidates * steps backwards per example; mostly 3 or 4 steps.

    Reference: Moosavi-Dezfooli, Fawzi & Frossard 2016, "DeepFool: a simple and accurate method to fool deep neural networks".
    """

    name: ClassVar[str] = "deepfool"
    norms: ClassVar[tuple[str, ...]] = ("linf", "l2")
    references: ClassVar[tuple[str, ...]] = ("moosavi2016deepfool",)

    steps: int = 100
    overshoot: float = 0.02
    candidates: int = 9

    def check(self) -> None:
        self.require("steps", "candidates", least=1)
        self.require("overshoot", least=0)

    def most_passes(self, shift: Shift) -> int:
        return 1 + self.steps * (2 + self.candidates)

    def least(self, shift: Ball, oracle: Oracle, x: Tensor, rng: Rng, *, enough: float = 0.0) -> SmallestMoves:
        best = SmallestMoves(shift, x, enough)
        rows, here, move = torch.arange(len(x), device=x.device), oracle, shift.origin(x)
        low, high = shift.room(x)
        answer = here(move)
        rivals = answer.rivals[:, : self.candidates]
        first = torch.full_like(best.size, torch.inf)
        for _ in range(self.steps):
            wanted = best.offer(rows, move, answer.broken) & ~answer.broken
            if not bool(wanted.all()):
                rows, here, rivals, first, move, low, high = keep(wanted, rows, here, rivals, first, move, low, high)
            if not len(rows):
                return best
            _, values, gradients = here.gradients(move, [margin_to(rivals[:, k]) for k in range(rivals.shape[1])])
            away, way = self._nearest(shift, values, gradients)
            first = torch.where(first == torch.inf, away, first)
            # Steps that the box cuts short come ever closer to the boundary and do not cross it: hence a little more than the distance.
            step = way * column((1 + self.overshoot) * (away + _SLACK * first), way)
            move = torch.minimum(torch.maximum(move + step, low), high)
            answer = here(move)
        best.offer(rows, move, answer.broken)
        return best

    def _nearest(self, shift: Ball, values: list[Tensor], gradients: list[Tensor]) -> tuple[Tensor, Params]:
        """The distance to the nearest of the candidates' boundaries, were there no box, shape (n,), and the way of length 1 there."""
        norm = norm_of(shift, gradients[0])
        weight = torch.stack([gradient.flatten(1) for gradient in gradients])
        tiny = torch.finfo(weight.dtype).tiny
        away = torch.stack([(-v).clamp_min(0.0) / norm.dual(w).clamp_min(tiny) for v, w in zip(values, weight, strict=True)])
        pick, at = away.argmin(dim=0), torch.arange(weight.shape[1], device=weight.device)
        return away[pick, at], norm.steepest(weight[pick, at]).reshape(gradients[0].shape)
