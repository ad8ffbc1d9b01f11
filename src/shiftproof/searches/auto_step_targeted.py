"""Auto-PGD towards one class after another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof.losses import Towards, targeted_named
from shiftproof.models.abstract import Access, Gradients
from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches._auto_step_loop import Goal, auto_step_passes, run_auto_step
from shiftproof.searches.abstract import Incumbent, Search
from shiftproof.searches.auto_step import REFERENCES
from shiftproof.shifts.abstract import Differentiable, Params, Shift


@dataclass(frozen=True)
class AutoStepTargeted(Search):
    """`auto_step` towards each of the classes that the model likes best after the label, in the order of their scores.

    Args:
        n_targets: classes tried, at least 1; all the others where the model has no more.
        steps: steps of each run, at least 1.
        restarts: runs for each class, at least 1; later runs see only the examples still standing.
        loss: what to maximise, in its form towards a class: "dlr", "margin" or "cross_entropy".

    Guarantees:
        Works for any number of classes from two on. On a linear model with n_targets at the number of the others it reaches the worst case
        of linf and l2 (with the margin, whose gradient towards a class is the same everywhere).
    Cost: one forward for the order of the classes, and up to n_targets times the cost of `auto_step`.

    Reference: Croce & Hein 2020, "Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free attacks"
    (APGD-T).
    """

    name: ClassVar[str] = "auto_step_targeted"
    aliases: ClassVar[tuple[str, ...]] = ("apgd_t",)
    needs: ClassVar[Access] = Gradients
    supports: ClassVar[tuple[type[Shift], ...]] = (Differentiable,)
    of_classes: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = REFERENCES

    n_targets: int = 9
    steps: int = 100
    restarts: int = 1
    loss: str = "dlr"

    def check(self) -> None:
        self.require("n_targets", "steps", "restarts", least=1)
        targeted_named(self.loss)

    def most_passes(self, shift: Shift) -> int:
        return 1 + self.n_targets * self.restarts * auto_step_passes(shift, self.steps)

    def __call__(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Params:
        assert isinstance(shift, Differentiable)  # `supports` says so
        best = Incumbent(shift.origin(x))
        if not len(x):
            return best.params
        loss = targeted_named(self.loss)
        answer = oracle(best.params)
        best.update(torch.arange(len(x), device=x.device), best.params, answer)
        for rank in range(min(self.n_targets, answer.rivals.shape[1])):
            target = answer.rivals[:, rank]
            for restart in range(self.restarts):
                rows = best.standing()
                if not len(rows):
                    return best.params
                draw = rng[rows.cpu()].child("target", rank, "restart", restart)
                run_auto_step(shift, oracle[rows], rows, draw, _goal(loss, target), self.steps, best)
        return best.params


def _goal(loss: Towards, target: Tensor) -> Goal:
    """The loss towards the classes `target`, shape (n,), for the examples at given rows."""
    return lambda rows: loss(target[rows])
