"""Laplace noise: radii in L1, and through it in L2 and Linf."""

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
class Laplace(Additive):
    """Laplace noise of scale b = sigma / sqrt(2): a decision of probability p holds within r = -b ln(2 (1 - p)) in L1.

    Guarantees: as `uniform`, with which its radii cross: those of uniform noise end at sqrt(3) sigma, and these grow on as p nears 1.

    >>> round(Laplace(1.0).needed(1.0, features=784), 4)
    0.8784

    Reference: Yang et al. 2020 [yang2020randomized], "Randomized smoothing of all shapes and sizes", Table 1; Teng et al. 2020
    [teng2020l1], "l1 adversarial robustness certificates: a randomized smoothing approach".
    """

    name: ClassVar[str] = "laplace"

    def fits(self, shift: Shift) -> bool:
        return type(shift) in (L1, L2, Linf)

    def reach(self, shift: Shift, features: int) -> float:
        return 1.0 if isinstance(shift, L1) else math.sqrt(features) if isinstance(shift, L2) else float(features)

    def needed(self, radius: float, features: int) -> float:
        del features
        return 1 - math.exp(-math.sqrt(2) * radius / self.sigma) / 2

    def unit(self, rng: Rng, shape: tuple[int, ...]) -> Tensor:
        # Even numbers at the middles of 2^24 cells, so that the logarithm is finite.
        even = rng.uniform(*shape).double() - 0.5 + 2.0**-25
        return even.sign() * (1 - 2 * even.abs()).log().neg() / math.sqrt(2)
