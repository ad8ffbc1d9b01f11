"""Small steps along the gradient from the unmoved input: the basic iterative method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shiftproof.searches.gradient_ascent import GradientAscent
from shiftproof.searches.preset import Preset


@dataclass(frozen=True)
class IteratedStep(Preset):
    """`gradient_ascent` from the unmoved input with steps that add up to the radius, by default.

    Args:
        steps: steps, at least 1.
        step_size: each step as a share of the budget's radius; 0 means 1 / steps, as published.
        loss: what to maximise, "cross_entropy", "margin" or "dlr".

    Guarantees:
        Deterministic. On a linear model with two classes it reaches the worst case of linf.
    Cost: up to steps + 1 forwards and steps backwards per example.

    Reference: Kurakin, Goodfellow & Bengio 2017, "Adversarial examples in the physical world" (BIM, I-FGSM).
    """

    name: ClassVar[str] = "iterated_step"
    aliases: ClassVar[tuple[str, ...]] = (
        "bim",
        "i_fgsm",
    )
    references: ClassVar[tuple[str, ...]] = ("kurakin2017physical",)

    steps: int = 10
    step_size: float = 0.0
    loss: str = "cross_entropy"

    def base(self) -> GradientAscent:
        return GradientAscent(steps=self.steps, step_size=self.step_size or 1 / max(self.steps, 1), random_start=False, loss=self.loss)
