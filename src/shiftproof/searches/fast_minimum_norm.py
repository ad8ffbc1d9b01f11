"""Gradient steps inside a ball that shrinks where the model is wrong and grows where it is right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof.losses import margin
from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches._norms import Norm, column, norm_of, unit, with_room
from shiftproof.searches._standing import keep
from shiftproof.searches.minimal import MinimalSearch, SmallestMoves, breadth, cosine, farthest
from shiftproof.shifts.abstract import Params, Shift
from shiftproof.shifts.norms.ball import Ball


@dataclass(frozen=True)
class FastMinimumNorm(MinimalSearch):
    """m <- box(shrink(m + step * gradient / ||gradient||_2, radius)), with a radius of each example's own.

    Until an example breaks its radius is the distance to the linear boundary, |margin| / ||gradient||_dual away from where it is; then it
    shrinks by a factor at every step that breaks the example and grows by it at every step that does not. Steps and factors go down along a
    cosine, to 1/100 and to 0.001.

    Three things are not as published, since where the box cuts steps short the published form ends on this side of the boundary: before the
    first break the radius grows by the factor at least and moves are made as long as it, and features at a bound have no gradient beyond
    it.

    Args:
        steps: steps, at least 1.
        step_size: the first step, in widths of the box, above 0.
        radius_step: the first factor by which the radius changes, in (0, 1).

    Guarantees:
        What it finds breaks the model. On a linear model of two classes within 1% of the least distance in linf and l2, box included, and
        in l1 where the box is not active. With more classes it goes towards the one ahead at the start, which may not be the nearest.
    Cost: up to steps forwards and steps backwards per example.

    Reference: Pintor et al. 2021, "Fast minimum-norm adversarial attacks through adaptive norm constraints" (FMN).
    """

    name: ClassVar[str] = "fast_minimum_norm"
    aliases: ClassVar[tuple[str, ...]] = ("fmn",)
    norms: ClassVar[tuple[str, ...]] = ("linf", "l2", "l1", "l0")
    references: ClassVar[tuple[str, ...]] = ("pintor2021fast",)

    steps: int = 100
    step_size: float = 1.0
    radius_step: float = 0.05

    def check(self) -> None:
        self.require("steps", least=1)
        self.require("step_size", within="(0, inf)")
        self.require("radius_step", within="(0, 1)")

    def most_passes(self, shift: Shift) -> int:
        return 2 * self.steps

    def least(self, shift: Ball, oracle: Oracle, x: Tensor, rng: Rng, *, enough: float = 0.0) -> SmallestMoves:
        norm, best, width = norm_of(shift, x), SmallestMoves(shift, x, enough), breadth(shift)
        rows, here, move, most = torch.arange(len(x), device=x.device), oracle, shift.origin(x), farthest(shift, x)
        low, high = shift.room(x)
        radius = torch.ones_like(most) if shift.name == "l0" else torch.full_like(most, torch.inf)
        for step in range(self.steps):
            answer, (value,), (gradient,) = here.gradients(move, (margin,))
            wanted = best.offer(rows, move, answer.broken)
            broken = answer.broken
            if not bool(wanted.all()):
                rows, here, broken, value, gradient = keep(wanted, rows, here, broken, value, gradient)
                move, most, low, high, radius = keep(wanted, move, most, low, high, radius)
                if not len(rows):
                    break
            factor = cosine(step, self.steps, self.radius_step, min(0.001, self.radius_step))
            gradient = with_room(gradient, move, low, high)
            known, open_ = torch.minimum(best.size[rows], most), best.size[rows] == torch.inf
            if shift.name == "l0":
                radius = _whole(radius, broken, known, factor)
            else:
                away = shift.norm(move) + value.abs() / norm.dual(gradient.flatten(1)).clamp_min(torch.finfo(x.dtype).tiny)
                longer = radius * (1 + factor)
                away = torch.maximum(away.to(radius), longer.masked_fill(longer == torch.inf, 0.0))
                radius = torch.where(broken, torch.minimum(radius * (1 - factor), known), torch.where(open_, away, longer))
            radius = torch.minimum(radius, most)
            ahead = move + width * cosine(step, self.steps, self.step_size, self.step_size / 100) * unit(gradient)
            if shift.name != "l0":
                ahead = _at_least(shift, ahead, radius.where(open_, torch.zeros_like(radius)))
            move = _inside(norm, ahead, radius, low, high)
        return best


def _whole(radius: Tensor, broken: Tensor, known: Tensor, factor: float) -> Tensor:
    """Radii that count features: by one at least, and by whole numbers."""
    fewer = torch.minimum(torch.minimum(radius - 1, (radius * (1 - factor)).floor()), known)
    return torch.where(broken, fewer, torch.maximum(radius + 1, (radius * (1 + factor)).floor())).clamp_min(0.0)


def _at_least(shift: Ball, move: Params, radius: Tensor) -> Params:
    """Moves made longer to the size of `radius`, where they are shorter."""
    return move * column((radius / shift.norm(move).to(radius).clamp_min(torch.finfo(radius.dtype).tiny)).clamp_min(1.0), move)


def _inside(norm: Norm, move: Params, radius: Tensor, low: Tensor, high: Tensor) -> Params:
    near = norm.shrink(move.flatten(1), radius).reshape(move.shape)
    return torch.minimum(torch.maximum(near, low), high)
