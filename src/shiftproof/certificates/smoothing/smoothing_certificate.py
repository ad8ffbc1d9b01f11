"""The base class of certificates by randomized smoothing: the noise, and the smoothed model that they certify."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from shiftproof._errors import must
from shiftproof.certificates.abstract import Certificate
from shiftproof.certificates.smoothing.noises import noises
from shiftproof.certificates.smoothing.noises.abstract import Additive, Noise
from shiftproof.certificates.smoothing.votes import Votes
from shiftproof.models.abstract import Labels
from shiftproof.randomness import Rng
from shiftproof.shifts.abstract import Shift
from shiftproof.shifts.norms.ball import Ball


@dataclass(frozen=True)
class SmoothingCertificate(Certificate):
    """Proofs of the smoothed model, whose decision is the base model's most frequent one under noise."""

    sigma: float = 0.0
    noise: str = "gaussian"
    alpha: float = 0.001
    draws: int = 100_000

    def check(self) -> None:
        self.source  # noqa: B018  # builds the noise, which checks itself
        if not 0 < self.alpha < 1:
            raise must("alpha", self.name, "be in (0, 1)", self.alpha, "It is the probability that the claim about one example is false.")
        if self.draws < 1:
            raise must("draws", self.name, "be at least 1", self.draws)

    @property
    def source(self) -> Noise:
        """The noise itself. One with a standard deviation takes `sigma`; others are written with what they need."""
        return self.source_of(self.name, self.sigma, self.noise)

    @staticmethod
    def source_of(name: str, sigma: float, noise: str) -> Noise:
        """The noise that a part called `name` is given."""
        if "(" in noise:
            if sigma:
                raise must("sigma", name, f"not be given where the noise has its own: {noise}", sigma)
            return noises.build(noise)
        kind = noises.get(noise)
        if not issubclass(kind, Additive):
            raise must("noise", name, "be written with its options", noise, "For example noise=ablation(keep=45).")
        return kind(sigma)

    @property
    def confidence(self) -> float:
        return 1 - self.alpha

    @property
    def subject(self) -> str:
        return f"the model smoothed with {self.source.spec()} noise"

    def objection(self, model: Labels, shift: Shift) -> str | None:
        del model
        source = self.source
        if not source.fits(shift):
            return f"{source.name} noise certifies nothing about {shift.name}"
        return None

    def needed(self, shift: Shift, radius: float, x: Tensor) -> float:
        """The probability that must be exceeded for `radius`, in units of the shift's strength, rounding of the shift included."""
        features = moving(shift, x)
        within = shift.tolerance if isinstance(shift, Ball) and not self.source.whole else 0.0
        return min(1.0, self.source.needed((radius + within) * self.source.reach(shift, features), features))

    def votes(self, model: Labels, shift: Shift, x: Tensor, rng: Rng) -> Votes:
        """The base model under the noise, around x."""
        return Votes(model, self.source, shift.space, x, rng)


def moving(shift: Shift, x: Tensor) -> int:
    """How many features of an input the shift may move: pixels in an image under L0, columns that are no categories in a table."""
    if shift.name == "l0" and shift.space.kind == "image" and x.dim() == 4:
        return math.prod(x.shape[2:])
    scale = shift.space.scale(x)
    return int((scale > 0).sum()) if isinstance(scale, torch.Tensor) else math.prod(x.shape[1:])
