"""The negative control: a defence that hides the gradient and changes no decision."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from shiftproof._errors import must
from shiftproof.defences.abstract import Defence, Gradient
from shiftproof.defences.context import DefenceContext
from shiftproof.randomness import Rng


@dataclass(frozen=True)
class GradientMasking(Defence):
    """Scores are rounded to steps: their derivative is zero, and decisions are the model's own but for ties within a step.

    It is no defence. A gradient search that does not know it stands still and reports robustness that is not there; one that goes straight
    through the rounding finds what it finds on the model without it. A measurement that calls it robust is wrong.

    Args:
        step: of the scores, above 0. Far below the usual margin of a decision, so that decisions stay.

    Guarantees: none, on purpose.
    Differentiable: no, its derivative is zero. Cost: one rounding.

    Reference: Athalye, Carlini & Wagner 2018, "Obfuscated gradients give a false sense of security".
    """

    name: ClassVar[str] = "gradient_masking"
    family: ClassVar[str] = "masking"
    gradient: ClassVar[Gradient] = Gradient.ZERO
    references: ClassVar[tuple[str, ...]] = ("athalye2018obfuscated",)

    step: float = 0.01

    def check(self) -> None:
        if not 0 < self.step < math.inf:
            raise must("step", self.name, "be in (0, inf)", self.step, "It is the distance between two scores.")

    def answer(self, behind: DefenceContext, x: Tensor, rng: Rng) -> Tensor:
        del rng
        scores = behind.scores(x)
        return behind.carried((scores.detach() / self.step).round() * self.step, scores)
