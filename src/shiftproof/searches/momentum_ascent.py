"""Steps along the accumulated gradient: the momentum iterative method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shiftproof.searches.gradient_ascent import GradientAscent
from shiftproof.searches.preset import Preset


@dataclass(frozen=True)
class MomentumAscent(Preset):
    """v <- momentum * v + gradient / its mean size; m <- project(m + step * steepest(v)): `gradient_ascent` from the unmoved input.

    Args:
        steps: steps, at least 1.
        step_size: each step as a share of the budget's radius; 0 means 1 / steps, as published.
        momentum: decay of the accumulated gradient, above 0.
        loss: what to maximise, "cross_entropy", "margin" or "dlr".

    Guarantees:
        Deterministic. Made for moves that carry over to other models; against the model itself `auto_step` finds more.
    Cost: up to steps + 1 forwards and steps backwards per example.

    Reference: Dong et al. 2018, "Boosting adversarial attacks with momentum" (MI-FGSM).
    """

    name: ClassVar[str] = "momentum_ascent"
    aliases: ClassVar[tuple[str, ...]] = ("mi_fgsm",)
    references: ClassVar[tuple[str, ...]] = ("dong2018boosting",)

    steps: int = 10
    step_size: float = 0.0
    momentum: float = 1.0
    loss: str = "cross_entropy"

    def base(self) -> GradientAscent:
        return GradientAscent(
            steps=self.steps,
            step_size=self.step_size or 1 / max(self.steps, 1),
            momentum=self.momentum,
            random_start=False,
            loss=self.loss,
        )
