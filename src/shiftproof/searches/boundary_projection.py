"""The fast adaptive boundary attack: steps to the linearised boundary, pulled towards the input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof._rows import total
from shiftproof.losses import margin_to
from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches._norms import column, norm_of, to_plane
from shiftproof.searches._standing import keep
from shiftproof.searches.minimal import MinimalSearch, SmallestMoves, farthest
from shiftproof.shifts.abstract import Params, Shift
from shiftproof.shifts.norms.ball import Ball

REFERENCES = ("croce2020minimally",)

_PULL, _BEYOND, _BACK = 0.1, 1.05, 0.9
"""The most that a step is pulled towards the input's own projection, how far it goes beyond the plane, and how far back once it breaks."""


@dataclass(frozen=True)
class BoundaryProjection(MinimalSearch):
    """m <- (1 - a) (m + 1.05 d(m)) + a (1.05 d(0)), with d(p) the least move inside the box from p to the nearest linearised boundary.

    The share a = min(|d(m)| / (|d(m)| + |d(0)|), 0.1). Where that breaks the model, m goes back to 0.9 m.

    Args:
        steps: steps of each restart, at least 1.
        restarts: runs, the first from the unmoved input and the others from half a random move of the best size so far; at least 1.
        candidates: other classes looked at, those of largest score at the start, at least 1.

    Guarantees:
        What it finds breaks the model. On a linear model it is within 1% of the least distance in linf, l2 and l1 where the box is not
        active, for candidates at the number of the other classes. Where the box is active so is the move towards each class, but which
        class is nearest is judged without the box, as published: `boundary_projection_targeted` tries each.
    Cost: up to restarts * 2 * steps + 1 forwards and restarts * candidates * steps backwards per example.

    Reference: Croce & Hein 2020, "Minimally distorted adversarial examples with a fast adaptive boundary attack" (FAB).
    """

    name: ClassVar[str] = "boundary_projection"
    aliases: ClassVar[tuple[str, ...]] = ("fab",)
    norms: ClassVar[tuple[str, ...]] = ("linf", "l2", "l1")
    references: ClassVar[tuple[str, ...]] = REFERENCES

    steps: int = 100
    restarts: int = 1
    candidates: int = 9

    def check(self) -> None:
        self.require("steps", "restarts", "candidates", least=1)

    def most_passes(self, shift: Shift) -> int:
        return 1 + self.restarts * self.steps * (2 + self.candidates)

    def least(self, shift: Ball, oracle: Oracle, x: Tensor, rng: Rng, *, enough: float = 0.0) -> SmallestMoves:
        best = SmallestMoves(shift, x, enough)
        rivals = oracle(shift.origin(x)).rivals[:, : self.candidates]
        restart(shift, oracle, rivals, rng, best, steps=self.steps, restarts=self.restarts)
        return best


@dataclass(frozen=True)
class BoundaryProjectionTargeted(MinimalSearch):
    """`boundary_projection` towards each of the classes that the model likes best after the label, one after another.

    Args:
        n_targets: classes tried, at least 1; all the others where the model has no more.
        steps: steps of each run, at least 1.
        restarts: runs for each class, at least 1.

    Guarantees:
        What it finds breaks the model. On a linear model within 1% of the least distance in l2, and 2% in linf, box included, for n_targets
        at the number of the other classes. One backward per step, however many classes.
    Cost: up to n_targets * restarts * 2 * steps + 1 forwards and half as many backwards per example.

    Reference: Croce & Hein 2020, "Minimally distorted adversarial examples with a fast adaptive boundary attack" (FAB-T).
    """

    name: ClassVar[str] = "boundary_projection_targeted"
    aliases: ClassVar[tuple[str, ...]] = ("fab_t",)
    norms: ClassVar[tuple[str, ...]] = ("linf", "l2", "l1")
    references: ClassVar[tuple[str, ...]] = REFERENCES

    n_targets: int = 9
    steps: int = 100
    restarts: int = 1

    def check(self) -> None:
        self.require("n_targets", "steps", "restarts", least=1)

    def most_passes(self, shift: Shift) -> int:
        return 1 + self.n_targets * self.restarts * self.steps * 3

    def least(self, shift: Ball, oracle: Oracle, x: Tensor, rng: Rng, *, enough: float = 0.0) -> SmallestMoves:
        best = SmallestMoves(shift, x, enough)
        rivals = oracle(shift.origin(x)).rivals[:, : self.n_targets]
        for rank in range(rivals.shape[1]):
            draws = rng.child("target", rank)
            restart(shift, oracle, rivals[:, rank : rank + 1], draws, best, steps=self.steps, restarts=self.restarts)
        return best


def restart(shift: Ball, oracle: Oracle, rivals: Tensor, rng: Rng, best: SmallestMoves, *, steps: int, restarts: int) -> None:
    """Runs towards the classes `rivals`, shape (n, k); what they find goes into `best`."""
    for turn in range(restarts):
        rows = best.wanted()
        if not len(rows):
            return
        here = oracle[rows]
        start = shift.origin(here.x)
        if turn:
            noise = rng[rows.cpu()].child("restart", turn).normal(*here.x.shape[1:]).to(here.x)
            size = torch.minimum(best.size[rows].clamp_max(shift.eps), farthest(shift, here.x)) / 2
            low, high = shift.room(here.x)
            start = torch.minimum(torch.maximum(noise * column(size / shift.norm(noise), noise), low), high)
        _walk(shift, here, rows, rivals[rows], start, steps, best)


def _walk(shift: Ball, here: Oracle, rows: Tensor, rivals: Tensor, move: Params, steps: int, best: SmallestMoves) -> None:
    low, high = shift.room(here.x)
    for _ in range(steps):
        _, values, gradients = here.gradients(move, [margin_to(rivals[:, k]) for k in range(rivals.shape[1])])
        move = _step(shift, move, values, gradients, low, high)
        broken = here(move).broken
        wanted = best.offer(rows, move, broken)
        move = move * column(1 - (1 - _BACK) * broken.to(move.dtype), move)
        if not bool(wanted.all()):
            rows, here, rivals, move, low, high = keep(wanted, rows, here, rivals, move, low, high)
            if not len(rows):
                return


def _step(shift: Ball, move: Params, values: list[Tensor], gradients: list[Tensor], low: Tensor, high: Tensor) -> Params:
    """One step towards the nearest of the boundaries with some classes, whose margins and gradients are given."""
    norm = norm_of(shift, move)
    value, gradient = torch.stack(values), torch.stack([g.flatten(1) for g in gradients])
    away = torch.stack([v.abs() / norm.dual(g).clamp_min(1e-12) for v, g in zip(value, gradient, strict=True)])
    nearest = away.argmin(dim=0)
    at = torch.arange(len(move), device=move.device)
    weight, gap = gradient[nearest, at], -value[nearest, at]
    flat, low, high = move.flatten(1), low.flatten(1), high.flatten(1)
    near = to_plane(norm, weight, gap, low - flat, high - flat)
    own = to_plane(norm, weight, gap + total(weight * flat), low, high)
    size, own_size = (shift.norm(part.reshape(move.shape)).to(flat).clamp_min(1e-8) for part in (near, own))
    pull = (size / (size + own_size)).clamp(0.0, _PULL)[:, None]
    ahead = (1 - pull) * (flat + _BEYOND * near) + pull * _BEYOND * own
    return torch.minimum(torch.maximum(ahead, low), high).reshape(move.shape)
