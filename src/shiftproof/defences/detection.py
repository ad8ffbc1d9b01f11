"""The base class of detectors: a score, a threshold at a stated false-alarm rate, and abstention as an extra class."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from shiftproof._errors import UsageError, must
from shiftproof.data.examples import Examples
from shiftproof.defences.abstract import Defence
from shiftproof.defences.context import DefenceContext, FittedTensors
from shiftproof.randomness import Rng

THRESHOLD = "threshold"
_BATCH = 256


@dataclass(frozen=True)
class Detection(Defence):
    """The model with one more class, the last: "I do not answer". It is the decision where the suspicion exceeds a threshold.

    The threshold is one of the held-out suspicions: of m, the ceil((m + 1) (1 - rate))-th smallest, so that a new clean input of the same
    kind raises an alarm with probability at most `rate`, over the choice of the held-out ones too. Even places of the held-out examples fit
    what there is to fit, odd ones set the threshold.

    The last score is max(others) + suspicion / threshold - 1, so a search that maximises class scores also evades the detector: while the
    example is detected the gradient is also that of the suspicion (the joint loss of Carlini & Wagner 2017 [carlini2017adversarial],
    "Adversarial examples are not easily detected").

    In a plain audit an abstention is an error wherever it happens. `confront_detecting` counts as detectors are meant: on a clean input it
    is a cost, on a moved one it is no failure.
    """

    family: ClassVar[str] = "detection"
    needs_held_out: ClassVar[bool] = True

    rate: float = field(default=0.05, kw_only=True)

    def check(self) -> None:
        if not 0 < self.rate < 1:
            raise must("rate", self.name, "be in (0, 1)", self.rate, "It is the false-alarm rate on clean inputs.")

    @property
    def adaptive(self) -> str:
        return f"{super().adaptive}; a joint loss: misclassified and not detected"

    @abstractmethod
    def suspicion(self, behind: DefenceContext, x: Tensor, scores: Tensor) -> Tensor:
        """How unlike clean inputs x is, shape (n,), at least 0 and differentiable; `scores` are the model's, shape (n, classes)."""

    def learn(self, behind: DefenceContext, examples: Examples) -> FittedTensors:
        """What the suspicion is made of, from clean examples; some need nothing."""
        del behind, examples
        return {}

    def fit(self, behind: DefenceContext, held_out: Examples) -> FittedTensors:
        odd, even = held_out[np.arange(1, len(held_out), 2)], held_out[np.arange(0, len(held_out), 2)]
        place = math.ceil((len(odd) + 1) * (1 - self.rate))
        if place > len(odd):
            least = 2 * (math.ceil(1 / self.rate) - 1)
            raise UsageError(
                f"The defence {self.name} needs at least {least} held-out examples for a false-alarm rate of {self.rate:g}, got "
                f"{len(held_out)}. Give more, or a larger rate."
            )
        learned = dict(self.learn(behind, even))
        ready = DefenceContext(behind.models, behind.space, learned, through=True)
        with torch.no_grad():
            parts = [self.suspicion(ready, x, ready.scores(x)) for x in torch.split(odd.x.to(behind.models[0].device), _BATCH)]
        threshold = torch.cat(parts).sort().values[place - 1]
        return {**learned, THRESHOLD: threshold.clamp_min(torch.finfo(threshold.dtype).tiny)}

    def answer(self, behind: DefenceContext, x: Tensor, rng: Rng) -> Tensor:
        del rng
        scores = behind.scores(x)
        over = self.suspicion(behind, x, scores) / behind.fitted[THRESHOLD].to(scores) - 1
        top = scores.amax(1)
        # On the threshold itself the input is accepted, and a tie would be decided by the place of the class.
        last = torch.where(over > 0, top + over.clamp_min(_LEAST), top + over.clamp_max(-_LEAST))
        return torch.cat([scores, last[:, None]], dim=1)


_LEAST = 1e-4
"""How far the last score stays from a tie; scores of up to 1,000 still show it in float32."""
