"""Uniform noise: radii in L1, and through it in L2 and Linf."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from shiftproof.certificates.smoothing.noises.abstract import Additive
from shiftproof.randomness import Rng
from shiftproof.shifts.abstract import Shift
from shiftproof.shifts.norms.l1 import L1
from shiftproof.shifts.norms.l2 import L2
from shiftproof.shifts.norms.linf import Linf


@dataclass(frozen=True)
class Uniform(Additive):
    """Even noise in a cube of half-width h = sqrt(3) * sigma: a decision of probability p holds within r = 2 h (p - 1/2) in L1.

    Guarantees: two cubes at distance d differ in at most the share |d|_1 / (2 h), the same share that p may fall by. A ball in L2 lies in
    that of L1 of sqrt(d) times its eps, one in Linf in that of d times it.

    >>> round(Uniform(1.0).needed(1.0, features=784), 4)
    0.7887

    Reference: Yang et al. 2020 [yang2020randomized], "Randomized smoothing of all shapes and sizes", Table 1.
    """

    name: ClassVar[str] = "uniform"

    def fits(self, shift: Shift) -> bool:
        return type(shift) in (L1, L2, Linf)

    def reach(self, shift: Shift, features: int) -> float:
        return 1.0 if isinstance(shift, L1) else math.sqrt(features) if isinstance(shift, L2) else float(features)

    def needed(self, radius: float, features: int) -> float:
        del features
        return 0.5 + radius / (2 * math.sqrt(3) * self.sigma)

    def unit(self, rng: Rng, shape: tuple[int, ...]) -> Tensor:
        half = math.sqrt(3)
        return rng.uniform(*shape, low=-half, high=half)
