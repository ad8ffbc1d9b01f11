"""One step along the gradient to the edge of the budget: the fast gradient sign method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shiftproof.searches.gradient_ascent import GradientAscent
from shiftproof.searches.preset import Preset


@dataclass(frozen=True)
class SingleStep(Preset):
    """m = project(step * steepest(gradient of the loss at the start)): `gradient_ascent` with one step.

    Args:
        step_size: the step as a share of the budget's radius; 1 reaches its edge, 0 means 2.5.
        random_start: begin at a random draw, not at the unmoved input (Wong et al. 2020 take it with step_size=1.25).
        loss: what to maximise, "cross_entropy", "margin" or "dlr".

    Guarantees:
        On a linear model with two classes it reaches the worst case of linf (of l2 where the box is not active). Elsewhere it is weak: a
        model that holds here may fall to ten steps.
    Cost: 2 forwards and 1 backward per example.

    Reference: Goodfellow, Shlens & Szegedy 2015, "Explaining and harnessing adversarial examples" (FGSM).
    """

    name: ClassVar[str] = "single_step"
    aliases: ClassVar[tuple[str, ...]] = ("fgsm",)
    references: ClassVar[tuple[str, ...]] = (
        "goodfellow2015explaining",
        "wong2020fast",
    )

    step_size: float = 1.0
    random_start: bool = False
    loss: str = "cross_entropy"

    def base(self) -> GradientAscent:
        return GradientAscent(steps=1, step_size=self.step_size, random_start=self.random_start, loss=self.loss)
