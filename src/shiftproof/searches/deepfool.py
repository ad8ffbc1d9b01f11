"""Steps to the nearest boundary of the model made linear where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof._errors import must
from shiftproof.losses import margin_to
from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches._norms import norm_of, to_plane
from shiftproof.searches.minimal import MinimalSearch, Shortest
from shiftproof.shifts.abstract import Params, Shift
from shiftproof.shifts.norms.ball import Ball


@dataclass(frozen=True)
class DeepFool(MinimalSearch):
    """m <- m + the least move that brings the linearised score of some other class level with the label's, until one is ahead.

    Args:
        steps: steps, at least 1.
        overshoot: the move tried is larger than the sum of the steps by this share, at least 0.
        candidates: other classes looked at, those of largest score at the start, at least 1.

    Guarantees:
        On a linear model the first step is the least move to the boundary, box included, and the answer is `overshoot` beyond it (where the
        box lets it). Elsewhere it is fast and rough: it stops at the first move that breaks the model.
    Cost: up to steps + 1 forwards and candidates * steps backwards an example; mostly 3 or 4 steps.

    Reference: Moosavi-Dezfooli, Fawzi & Frossard 2016, "DeepFool: a simple and accurate method to fool deep neural networks".
    """

    name: ClassVar[str] = "deepfool"
    norms: ClassVar[tuple[str, ...]] = ("linf", "l2")
    references: ClassVar[tuple[str, ...]] = (
        """@inproceedings{moosavi2016deepfool,
  title = {{DeepFool}: a Simple and Accurate Method to Fool Deep Neural Networks},
  author = {Moosavi-Dezfooli, Seyed-Mohsen and Fawzi, Alhussein and Frossard, Pascal},
  booktitle = {Conference on Computer Vision and Pattern Recognition},
  year = {2016}
}""",
    )

    steps: int = 50
    overshoot: float = 0.02
    candidates: int = 9

    def check(self) -> None:
        for option in ("steps", "candidates"):
            if getattr(self, option) < 1:
                raise must(option, self.name, "be at least 1", getattr(self, option))
        if not 0 <= self.overshoot < float("inf"):
            raise must("overshoot", self.name, "be at least 0", self.overshoot)

    def most_passes(self, shift: Shift) -> int:
        return 2 + self.steps * (1 + self.candidates)

    def least(self, shift: Ball, oracle: Oracle, x: Tensor, rng: Rng, *, enough: float = 0.0) -> Shortest:
        best = Shortest(shift, x, enough)
        rows, here, total = torch.arange(len(x), device=x.device), oracle, shift.origin(x)
        low, high = shift.room(x)
        answer = here(total)
        best.offer(rows, total, answer.broken)
        rivals = answer.rivals[:, : self.candidates]
        done = answer.broken
        tried = total
        for _ in range(self.steps):
            if bool(done.any()):
                rest = ~done
                rows, here, rivals, total, tried, low, high = (
                    rows[rest],
                    here[rest],
                    rivals[rest],
                    total[rest],
                    tried[rest],
                    low[rest],
                    high[rest],
                )
            if not len(rows):
                return best
            answer, values, gradients = here.gradients(tried, [margin_to(rivals[:, k]) for k in range(rivals.shape[1])])
            best.offer(rows, tried, answer.broken)
            total = total + self._nearest(shift, values, gradients, low - total, high - total)
            tried = torch.minimum(torch.maximum((1 + self.overshoot) * total, low), high)
            done = answer.broken
        best.offer(rows, tried, here(tried).broken & ~done)
        return best

    def _nearest(self, shift: Ball, values: list[Tensor], gradients: list[Tensor], low: Tensor, high: Tensor) -> Params:
        """The smallest of the moves that bring one of the candidates level."""
        norm = norm_of(shift, low)
        best = torch.zeros_like(low)
        size = torch.full((len(low),), torch.inf, dtype=low.dtype, device=low.device)
        for value, gradient in zip(values, gradients, strict=True):
            weight = gradient.flatten(1)
            gap = (-value).clamp_min(0.0)
            step = to_plane(norm, weight, gap, low.flatten(1), high.flatten(1)).reshape(low.shape)
            gained = (weight * step.flatten(1)).sum(1)
            there = torch.where(gained >= 0.999 * gap, shift.norm(step).to(size), size.new_tensor(1e30))
            better = (there < size).nonzero()[:, 0]
            best[better], size[better] = step[better], there[better]
        return best
