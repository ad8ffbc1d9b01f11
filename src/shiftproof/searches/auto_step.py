"""Auto-PGD: ascent with adaptive step sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof.losses import loss_named
from shiftproof.models.abstract import Access, Gradients
from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches._auto_step_loop import auto_step_passes, run_auto_step
from shiftproof.searches.abstract import Incumbent, Search
from shiftproof.shifts.abstract import Differentiable, Params, Shift

REFERENCES = (
    "croce2020reliable",
    "croce2021mind",
)


@dataclass(frozen=True)
class AutoStep(Search):
    """Projected ascent with momentum whose step starts at twice the radius and is halved where the loss does not get on.

    z = project(m_k + step * steepest(gradient at m_k)), then m_(k+1) = project(m_k + 0.75 (z - m_k) + 0.25 (m_k - m_(k-1))). At reviews
    after 22%, 41%, 57%, ... of the steps, an example whose loss rose in at most 75% of the steps since the last, or found no new best at an
    unhalved step, goes back to its best point and halves its step.

    Args:
        steps: steps of each restart, at least 1.
        restarts: runs from different random draws, at least 1; later ones see only the examples still standing.
        loss: what to maximise, "cross_entropy", "dlr" (which a scale of the scores cannot blind) or "margin".

    Guarantees:
        On a linear model with two classes it reaches the worst case of linf and l2. Elsewhere it finds failures and proves nothing. For l1
        it makes the sparse steps of Croce & Hein 2021, from 3 over 2 to 1 times the radius, without momentum (and none for features at a
        bound of the box); on other shifts it is the same rule in their own geometry.
    Cost: up to restarts * (steps + 1) forwards and restarts * steps backwards per example (two more each for l1).

    Example:
        >>> from shiftproof.searches import searches
        >>> searches.build("auto_step(steps=50, loss=dlr)")
        AutoStep(steps=50, restarts=1, loss='dlr')

    Reference: Croce & Hein 2020, "Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free attacks" (APGD).
    """

    name: ClassVar[str] = "auto_step"
    aliases: ClassVar[tuple[str, ...]] = ("apgd",)
    needs: ClassVar[Access] = Gradients
    supports: ClassVar[tuple[type[Shift], ...]] = (Differentiable,)
    references: ClassVar[tuple[str, ...]] = REFERENCES

    steps: int = 100
    restarts: int = 1
    loss: str = "cross_entropy"

    def check(self) -> None:
        self.require("steps", "restarts", least=1)
        loss_named(self.loss)

    def most_passes(self, shift: Shift) -> int:
        return self.restarts * auto_step_passes(shift, self.steps)

    def __call__(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Params:
        assert isinstance(shift, Differentiable)  # `supports` says so
        best = Incumbent(shift.origin(x))
        loss = loss_named(self.loss)
        for restart in range(self.restarts):
            rows = best.standing() if restart else torch.arange(len(x), device=x.device)
            if not len(rows):
                break
            run_auto_step(shift, oracle[rows], rows, rng[rows.cpu()].child("restart", restart), lambda _: loss, self.steps, best)
        return best.params
