"""Detection by a classifier of the model's outputs, trained on clean and on attacked inputs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof._errors import UsageError, must
from shiftproof.data.examples import Examples
from shiftproof.defences.context import DefenceContext, FittedTensors
from shiftproof.defences.detection import Detection
from shiftproof.models.abstract import Gradients


@dataclass(frozen=True)
class LearnedDetector(Detection):
    """Abstains where a logistic regression takes the answer for one to an attack.

    It is trained on half of the held-out examples and on moves of them inside linf(eps) (20 steps of gradient ascent on the model), and
    sees the log-probabilities in descending order with their squares. The paper's detector is a net on inner features; this
    one needs no access inside, and states the same: what it was trained on it finds.

    Args:
        eps: radius of the moves that it is trained on, in the units of the inputs.
        rate: share of clean inputs that may raise an alarm, in (0, 1).

    Guarantees:
        False alarms at most at `rate` on inputs like the held-out ones; of detection none, least of all of attacks unlike its own.
    Differentiable: yes. Cost: one pass for an answer.

    Reference: Metzen et al. 2017, "On detecting adversarial perturbations".
    """

    name: ClassVar[str] = "learned_detector"
    references: ClassVar[tuple[str, ...]] = ("metzen2017detecting",)

    eps: float = 0.1

    def check(self) -> None:
        super().check()
        if not 0 < self.eps < math.inf:
            raise must("eps", self.name, "be in (0, inf)", self.eps, "Units are those of the inputs.")

    def learn(self, behind: DefenceContext, examples: Examples) -> FittedTensors:
        from sklearn.linear_model import LogisticRegression

        from shiftproof.door import confront
        from shiftproof.searches.gradient_ascent import GradientAscent
        from shiftproof.shifts.norms.linf import Linf

        model = behind.models[0]
        if not isinstance(model, Gradients):
            raise UsageError(f"The defence {self.name} needs a model with gradients, and '{model.name}' provides only scores.")
        shift = Linf(self.eps).within(examples.space)
        params = torch.from_numpy(confront(model, shift, search=GradientAscent(steps=20), examples=examples).params)
        made = ~params.flatten(1).isnan().any(1)
        x = examples.x.to(model.device)
        with torch.no_grad():
            moved = shift.apply(x[made], params[made].to(x))
            clean, attacked = (_looks(behind.scores(batch)) for batch in (x, moved))
        seen = torch.cat([clean, attacked]).double().cpu()
        mean, std = seen.mean(0), seen.std(0).clamp_min(1e-6)
        if not len(attacked):
            raise UsageError(f"The defence {self.name} has no examples to learn from: the model misclassifies every held-out example.")
        labels = [0] * len(clean) + [1] * len(attacked)
        fitted = LogisticRegression(max_iter=2000, class_weight="balanced").fit(((seen - mean) / std).numpy(), labels)
        weight = torch.from_numpy(fitted.coef_[0]) / std
        bias = torch.from_numpy(fitted.intercept_) - weight @ mean
        return {"weight": weight.float(), "bias": bias.float()}

    def suspicion(self, behind: DefenceContext, x: Tensor, scores: Tensor) -> Tensor:
        del x
        at = _looks(scores) @ behind.fitted["weight"].to(scores) + behind.fitted["bias"].to(scores)
        return torch.nn.functional.softplus(at)


def _looks(scores: Tensor) -> Tensor:
    """The log-probabilities in descending order, and their squares, shape (n, 2 * classes)."""
    ranked = scores.log_softmax(1).sort(1, descending=True).values
    return torch.cat([ranked, ranked.square()], dim=1)
