"""An ensemble of several models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from shiftproof._errors import must
from shiftproof.defences.abstract import Defence, mean_log_probability
from shiftproof.defences.context import DefenceContext
from shiftproof.randomness import Rng


@dataclass(frozen=True)
class Ensemble(Defence):
    """The mean probabilities of several independently trained models.

    That of diverse members is the same mean at inference: their diversity is a matter of training, the method `diverse_ensemble`.

    Args:
        members: models in all, at least 2.

    Guarantees:
        None: a search that follows the mean's gradient attacks all members at once.
    Differentiable: yes. Cost: `members` passes, as many times the parameters and the training.

    Reference: Strauss et al. 2017, "Ensemble methods as a defense to adversarial perturbations against deep neural networks".
    """

    name: ClassVar[str] = "ensemble"
    family: ClassVar[str] = "ensemble"
    references: ClassVar[tuple[str, ...]] = ("strauss2017ensemble",)

    members: int = 3

    def check(self) -> None:
        if self.members < 2:
            raise must("members", self.name, "be at least 2", self.members)

    @property
    def passes(self) -> int:
        return self.members

    @property
    def others(self) -> int:
        return self.members - 1

    def answer(self, behind: DefenceContext, x: Tensor, rng: Rng) -> Tensor:
        del rng
        return mean_log_probability([model.scores(x) for model in behind.models])
