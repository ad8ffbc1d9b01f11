"""Steps along the accumulated gradient, each taken one momentum step ahead: the Nesterov iterative method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shiftproof.searches.gradient_ascent import GradientAscent
from shiftproof.searches.preset import Preset


@dataclass(frozen=True)
class NesterovAscent(Preset):
    """As `momentum_ascent`, with the gradient taken at project(m + momentum * step * steepest(v)).

    Args:
        steps: steps, at least 1.
        step_size: each step as a share of the budget's radius; 0 means 1 / steps, as published.
        momentum: decay of the accumulated gradient, above 0.
        loss: what to maximise, "cross_entropy", "margin" or "dlr".

    Guarantees:
        Deterministic. Made for moves that carry over to other models; against the model itself `auto_step` finds more.
        The look ahead goes along the shift's own steepest direction and stays in the budget; the paper's, for linf, adds the raw velocity.
    Cost: up to steps + 1 forwards and steps backwards per example.

    Reference: Lin et al. 2020, "Nesterov accelerated gradient and scale invariance for adversarial attacks" (NI-FGSM).
    """

    name: ClassVar[str] = "nesterov_ascent"
    aliases: ClassVar[tuple[str, ...]] = ("ni_fgsm",)
    references: ClassVar[tuple[str, ...]] = ("lin2020nesterov",)

    steps: int = 10
    step_size: float = 0.0
    momentum: float = 1.0
    loss: str = "cross_entropy"

    def base(self) -> GradientAscent:
        return GradientAscent(
            steps=self.steps,
            step_size=self.step_size or 1 / max(self.steps, 1),
            momentum=self.momentum,
            nesterov=True,
            random_start=False,
            loss=self.loss,
        )
