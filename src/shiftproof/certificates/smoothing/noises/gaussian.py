"""Gaussian noise: radii in L2, and through it in L1 and Linf."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from scipy.special import ndtr
from torch import Tensor

from shiftproof.certificates.smoothing.noises.abstract import Additive
from shiftproof.randomness import Rng
from shiftproof.shifts.abstract import Shift
from shiftproof.shifts.norms.l1 import L1
from shiftproof.shifts.norms.l2 import L2
from shiftproof.shifts.norms.linf import Linf


@dataclass(frozen=True)
class Gaussian(Additive):
    """Normal noise of standard deviation `sigma`: a decision of probability p holds within r = sigma * Phi^-1(p) in L2.

    Guarantees: r is exact for a model that is right on a half-space, so no larger one can be proven from p alone. A ball in L1 lies in
    that of L2 of the same eps, one in Linf in that of sqrt(d) times it, d the features that may move: with many, that proves very little.

    >>> round(Gaussian(0.5).needed(0.5, features=784), 4)
    0.8413

    Reference: Cohen et al. 2019 [cohen2019certified], "Certified adversarial robustness via randomized smoothing", Theorem 1.
    """

    name: ClassVar[str] = "gaussian"
    aliases: ClassVar[tuple[str, ...]] = ("normal",)

    def fits(self, shift: Shift) -> bool:
        return type(shift) in (L2, L1, Linf)

    def reach(self, shift: Shift, features: int) -> float:
        return math.sqrt(features) if isinstance(shift, Linf) else 1.0

    def needed(self, radius: float, features: int) -> float:
        del features
        return float(ndtr(radius / self.sigma))

    def unit(self, rng: Rng, shape: tuple[int, ...]) -> Tensor:
        return rng.normal(*shape)
