"""JSMA: moves one feature after another to the end of its range, the most salient first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches._standing import keep
from shiftproof.searches.minimal import MinimalSearch, SmallestMoves
from shiftproof.shifts.abstract import Shift
from shiftproof.shifts.norms.ball import Ball


@dataclass(frozen=True)
class Saliency(MinimalSearch):
    """Moves, at each step, the feature of largest saliency |dz_t/dx_i| * |d(sum_(j != t) z_j)/dx_i| to the end of its range.

    A feature counts where its move raises the score of the target t and lowers the sum of the others; where none does, the one whose move
    raises z_t minus the label's score most is taken. The target is the class of largest score after the label, chosen again at each step.

    Args:
        steps: features moved at most, at least 1.

    Guarantees:
        What it finds breaks the model. Greedy: no distance is promised. The paper moves pairs of features; this is its form for one.
    Cost: up to steps + 1 forwards and 3 * steps backwards per example.

    Reference: Papernot et al. 2016, "The limitations of deep learning in adversarial settings" (JSMA).
    """

    name: ClassVar[str] = "saliency"
    aliases: ClassVar[tuple[str, ...]] = ("jsma",)
    norms: ClassVar[tuple[str, ...]] = ("l0",)
    references: ClassVar[tuple[str, ...]] = ("papernot2016limitations",)

    steps: int = 100

    def check(self) -> None:
        self.require("steps", least=1)

    def most_passes(self, shift: Shift) -> int:
        return 1 + 4 * self.steps

    def least(self, shift: Ball, oracle: Oracle, x: Tensor, rng: Rng, *, enough: float = 0.0) -> SmallestMoves:
        best = SmallestMoves(shift, x, enough)
        rows, here, move = torch.arange(len(x), device=x.device), oracle, shift.origin(x)
        low, high = (end.flatten(1) for end in shift.room(x))
        free = torch.ones_like(low, dtype=torch.bool)
        for _ in range(min(self.steps, low.shape[1])):
            answer, _, gradients = here.gradients(move, (_target, _others, _ahead))
            best.offer(rows, move, answer.broken)
            going = ~answer.broken & free.any(1)
            if not bool(going.all()):
                rows, here, move, low, high, free = keep(going, rows, here, move, low, high, free)
                gradients = [gradient[going] for gradient in gradients]
                if not len(rows):
                    return best
            target, others, ahead = (gradient.flatten(1) for gradient in gradients)
            score, end = _best_end(target, others, ahead, low, high, move.flatten(1))
            pick = score.masked_fill(~free, -torch.inf).argmax(1, keepdim=True)
            move = move.flatten(1).scatter(1, pick, end.gather(1, pick)).reshape(move.shape)
            free = free.scatter(1, pick, value=False)
        if len(rows):
            best.offer(rows, move, here(move).broken)
        return best


def _best_end(target: Tensor, others: Tensor, ahead: Tensor, low: Tensor, high: Tensor, move: Tensor) -> tuple[Tensor, Tensor]:
    """Each feature's rating, and the end of its range that it would go to, both of shape (n, d)."""
    saliency = target.abs() * others.abs()
    helps = (target * others < 0) & (saliency > 0)
    some = helps.any(1, keepdim=True)
    way = torch.where(some, target, ahead)
    end = torch.where(way > 0, high, low)
    rating = torch.where(some, saliency.masked_fill(~helps, 0.0), ahead.abs()) * (end - move).abs()
    return rating, end


def _pick(scores: Tensor, y: Tensor) -> Tensor:
    return scores.detach().scatter(1, y[:, None], -torch.inf).argmax(1, keepdim=True)


def _target(scores: Tensor, y: Tensor) -> Tensor:
    """The score of the strongest class other than the label."""
    return scores.gather(1, _pick(scores, y))[:, 0]


def _others(scores: Tensor, y: Tensor) -> Tensor:
    """The sum of all scores but that."""
    return scores.sum(1) - _target(scores, y)


def _ahead(scores: Tensor, y: Tensor) -> Tensor:
    """That score minus the label's."""
    return _target(scores, y) - scores.gather(1, y[:, None])[:, 0]
