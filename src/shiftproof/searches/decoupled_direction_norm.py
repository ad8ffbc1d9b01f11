"""Gradient steps on a sphere whose radius shrinks where the model is wrong and grows where it is right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof.losses import loss_named
from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches._norms import column, unit
from shiftproof.searches._standing import keep
from shiftproof.searches.minimal import MinimalSearch, SmallestMoves, breadth, cosine, farthest
from shiftproof.shifts.abstract import Shift
from shiftproof.shifts.norms.ball import Ball


@dataclass(frozen=True)
class DecoupledDirectionNorm(MinimalSearch):
    """m <- box(radius * u / ||u||_2) with u = m + step * gradient / ||gradient||_2: direction and length are chosen apart.

    The radius starts at the width of the box, and changes by a constant factor at every step. Steps go down along a cosine, from the width
    of the box to 1/100 of it.

    Args:
        steps: steps, at least 1.
        radius_step: the factor by which the radius changes, in (0, 1).
        loss: what to maximise, "cross_entropy" as published, "margin" or "dlr".

    Guarantees:
        What it finds breaks the model. On a linear model of two classes within 1% of the least l2 distance, in 200 steps. With more classes
        the gradient of the cross-entropy points away from several at once: expect 10% more there, and less with loss=margin. Moves are not
        rounded to 256 levels, as the authors' code does.
    Cost: up to steps forwards and steps backwards per example.

    Reference: Rony et al. 2019, "Decoupling direction and norm for efficient gradient-based L2 adversarial attacks and defenses" (DDN).
    """

    name: ClassVar[str] = "decoupled_direction_norm"
    aliases: ClassVar[tuple[str, ...]] = ("ddn",)
    norms: ClassVar[tuple[str, ...]] = ("l2",)
    references: ClassVar[tuple[str, ...]] = ("rony2019decoupling",)

    steps: int = 100
    radius_step: float = 0.05
    loss: str = "cross_entropy"

    def check(self) -> None:
        self.require("steps", least=1)
        self.require("radius_step", within="(0, 1)")
        loss_named(self.loss)

    def most_passes(self, shift: Shift) -> int:
        return 2 * self.steps

    def least(self, shift: Ball, oracle: Oracle, x: Tensor, rng: Rng, *, enough: float = 0.0) -> SmallestMoves:
        best, width, loss = SmallestMoves(shift, x, enough), breadth(shift), loss_named(self.loss)
        rows, here, move, most = torch.arange(len(x), device=x.device), oracle, shift.origin(x), farthest(shift, x)
        low, high = shift.room(x)
        radius = torch.full_like(most, width)
        for step in range(self.steps):
            answer, gradient = here.gradient(move, loss)
            wanted = best.offer(rows, move, answer.broken)
            broken = answer.broken
            if not bool(wanted.all()):
                rows, here, broken, gradient = keep(wanted, rows, here, broken, gradient)
                move, most, low, high, radius = keep(wanted, move, most, low, high, radius)
                if not len(rows):
                    break
            radius = torch.minimum(radius * torch.where(broken, 1 - self.radius_step, 1 + self.radius_step).to(radius), most)
            ahead = move + width * cosine(step, self.steps, 1.0, 0.01) * unit(gradient)
            move = torch.minimum(torch.maximum(unit(ahead) * column(radius, x), low), high)
        return best
