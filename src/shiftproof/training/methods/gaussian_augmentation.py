"""Training on Gaussian noise: for certificates by randomized smoothing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from shiftproof._errors import must
from shiftproof.training.methods.abstract import Batch, Method, Step, plain_step


@dataclass(frozen=True)
class GaussianAugmentation(Method):
    """Training on noise: min_f E cross_entropy(f(x + sigma z), y), z standard normal.

    Args:
        sigma: spread of the noise in input units, in (0, inf): that of the certificate, `smoothing(sigma=...)`.

    Guarantees:
        Noisy inputs are not put back into the box, as the certificate's are not.
    Cost: 1 forward and 1 backward per example.

    Reference: Cohen, Rosenfeld & Kolter 2019, "Certified adversarial robustness via randomized smoothing".
    """

    name: ClassVar[str] = "gaussian_augmentation"
    references: ClassVar[tuple[str, ...]] = ("cohen2019certified",)

    sigma: float

    def check(self) -> None:
        if not 0 < self.sigma < math.inf:
            raise must("sigma", self.name, "be in (0, inf)", self.sigma, "Units are those of the inputs.")

    def move(self, net: nn.Module, batch: Batch, memory: nn.Module) -> Tensor:
        return batch.x + self.sigma * batch.rng.child("noise").normal(*batch.x.shape[1:]).to(batch.x)

    def judge(self, net: nn.Module, batch: Batch, x: Tensor, memory: nn.Module) -> Step:
        return plain_step(net, x, batch.y)
