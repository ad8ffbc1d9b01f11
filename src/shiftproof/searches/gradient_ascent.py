"""Projected gradient ascent (PGD)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof._errors import must
from shiftproof._rows import total
from shiftproof.losses import loss_named
from shiftproof.models.abstract import Access, Gradients
from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches._norms import AscentStep
from shiftproof.searches._standing import keep
from shiftproof.searches.abstract import Incumbent, Search
from shiftproof.shifts.abstract import Differentiable, Params, Shift

_SCHEDULES = ("constant", "linear", "cosine")


@dataclass(frozen=True)
class GradientAscent(Search):
    """Projected gradient ascent: m <- project(m + step * steepest(gradient of the loss at m)).

    Args:
        steps: steps of each restart, at least 1.
        restarts: runs from different starts, at least 1; later ones see only the examples still standing.
        step_size: the first step as a share of the budget's radius; 0 means the shift's `path` / steps: 2.5 / steps (Madry et al. 2018),
            and under l2 6 / steps, as steps that end on a sphere turn towards the goal ever more slowly.
        schedule: how steps shrink: "constant", "linear" or "cosine" (to 0).
        momentum: decay of the accumulated gradient (Dong et al. 2018); 0 for none.
        nesterov: take the gradient one momentum step ahead (Lin et al. 2020).
        random_start: begin at a random draw, not at the unmoved input.
        loss: what to maximise, "cross_entropy", "margin" or "dlr".
        drop: leave examples out as soon as they break. Changes the cost, never a verdict.

    Guarantees:
        On a linear model with two classes it reaches the worst case of linf and l2 (of l2 from a random start where steps * step_size is
        at least 6, as it is by default). With more classes it ascends towards the class that is nearest at its start, though another
        may be easier to reach: take restarts, and the margin loss. Elsewhere it finds failures and proves nothing.
    Cost: up to restarts * (steps + 1) forwards and restarts * steps backwards per example.

    Reference: Madry et al. 2018, "Towards deep learning models resistant to adversarial attacks" (PGD).
    """

    name: ClassVar[str] = "gradient_ascent"
    aliases: ClassVar[tuple[str, ...]] = ("pgd",)
    needs: ClassVar[Access] = Gradients
    supports: ClassVar[tuple[type[Shift], ...]] = (Differentiable,)
    references: ClassVar[tuple[str, ...]] = (
        "madry2018towards",
        "dong2018boosting",
        "lin2020nesterov",
    )

    steps: int = 40
    restarts: int = 1
    step_size: float = 0.0
    schedule: str = "constant"
    momentum: float = 0.0
    nesterov: bool = False
    random_start: bool = True
    loss: str = "cross_entropy"
    drop: bool = True

    def check(self) -> None:
        self.require("steps", "restarts", least=1)
        self.require("step_size", "momentum", least=0)
        if self.schedule not in _SCHEDULES:
            raise must("schedule", self.name, f"be one of {', '.join(_SCHEDULES)}", self.schedule)
        if self.nesterov and not self.momentum:
            raise must("nesterov", self.name, "come with momentum", self.nesterov, "Write momentum=1, nesterov=true.")
        loss_named(self.loss)

    def most_passes(self, shift: Shift) -> int:
        return self.restarts * (2 * self.steps + int(self.restarts > 1))

    def __call__(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Params:
        assert isinstance(shift, Differentiable)  # `supports` says so
        best = Incumbent(shift.origin(x))
        for restart in range(self.restarts):
            rows = best.standing() if restart else torch.arange(len(x), device=x.device)
            if not len(rows):
                break
            start = shift.sample(x[rows], rng[rows].child("restart", restart)) if self.random_start else shift.origin(x[rows])
            self._climb(shift, oracle, rows, start, best)
        return best.params

    def _climb(self, shift: Differentiable, oracle: Oracle, rows: Tensor, params: Params, best: Incumbent) -> None:
        """One restart for the examples at `rows`; what it finds goes into `best`."""
        here = oracle if len(rows) == len(oracle) else oracle[rows]
        loss = loss_named(self.loss)
        velocity = torch.zeros_like(params) if self.momentum else None
        ahead = AscentStep(shift, here.x)
        for step in range(self.steps):
            at = params
            if self.nesterov and velocity is not None:
                at = ahead(params, velocity, self.momentum * self._step(shift, step))
            answer, gradient = here.gradient(at, loss)
            hit = answer.broken & ~best.broken[rows]  # one that broke before keeps its move
            if bool(hit.any()):
                best.update(rows[hit], at[hit], answer[hit])
                if self.drop:
                    held = ~hit
                    rows, params, gradient, here, ahead = keep(held, rows, params, gradient, here, ahead)
                    velocity = velocity[held] if velocity is not None else None
                    if not len(rows):
                        return
            if velocity is not None:
                velocity = self.momentum * velocity + _unit_l1(gradient)
                gradient = velocity
            params = ahead(params, gradient, self._step(shift, step))
        if self.restarts > 1:
            best.update(rows, params, here(params))
        else:  # the only run: the caller scores its end
            best.settle(rows, params)

    def _step(self, shift: Differentiable, step: int) -> float:
        first = self.step_size or shift.path / self.steps
        match self.schedule:
            case "linear":
                return first * (1 - step / self.steps)
            case "cosine":
                return first * (1 + math.cos(math.pi * step / self.steps)) / 2
            case _:
                return first


def _unit_l1(gradient: Tensor) -> Tensor:
    """Each example's gradient at mean absolute value 1, as momentum accumulates it."""
    flat = gradient.flatten(1)
    size = (total(flat.abs()) / flat.shape[1]).clamp_min(torch.finfo(gradient.dtype).tiny)
    return gradient / size.reshape(-1, *[1] * (gradient.dim() - 1))
