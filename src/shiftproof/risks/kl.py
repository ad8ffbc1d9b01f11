"""The worst reweighting within a Kullback-Leibler distance of the sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy.typing as npt

from shiftproof.risks import worst_weights
from shiftproof.risks.reweighting import Reweighting
from shiftproof.risks.worst_weights import Reweighted


@dataclass(frozen=True)
class KL(Reweighting):
    """sup of E[w v] over weights w >= 0 with mean 1 and E[w ln w] <= radius (nats).

    = inf over t > 0 of (radius + ln E[exp(t v)]) / t, attained by weights proportional to exp(t v). A group with a share s of the sample
    can take all weight from radius -ln s on.

    Args:
        radius: in [0, inf]; 0 is the mean, inf the largest value.

    Guarantees: the value is exact up to rounding. The interval is that of `Reweighting`.
    Cost: O(n log n), and about a hundred passes over the distinct values.

    Example:
        >>> import math, numpy as np
        >>> round(KL(math.log(2)).measure(np.array([0.2, 0.6])).value, 4)  # all weight may go to one half
        0.6

    Reference: Hu & Hong 2013, "Kullback-Leibler divergence constrained distributionally robust optimization".
    """

    name: ClassVar[str] = "kl"
    references: ClassVar[tuple[str, ...]] = ("hu2013kullback",)

    radius: float

    def check(self) -> None:
        self.require("radius", within="[0, inf]", hint="0 is the plain mean; at ln 2 every half may stand alone.")

    def reweigh(self, values: npt.ArrayLike, base: npt.ArrayLike | None = None) -> Reweighted:
        return worst_weights.kl(values, radius=self.radius, base=base)


@dataclass(frozen=True)
class KLPenalised(Reweighting):
    """sup of E[w v] - penalty E[w ln w] = penalty ln E[exp(v / penalty)]: the tilted risk, a soft maximum.

    Args:
        penalty: in (0, inf), in units of v; 1 / penalty is the tilt t of Li et al.

    Guarantees: the value is exact up to rounding. The interval is that of `Reweighting`.
    Cost: O(n log n); memory 16 bytes per distinct value.

    Example:
        >>> import numpy as np
        >>> round(KLPenalised(0.5).measure(np.array([1.0, 0.0])).value, 4)  # 0.5 ln((e^2 + 1) / 2)
        0.7169

    Reference: Li et al. 2021, "Tilted empirical risk minimization".
    """

    name: ClassVar[str] = "kl_penalised"
    aliases: ClassVar[tuple[str, ...]] = ("tilted", "term")
    references: ClassVar[tuple[str, ...]] = ("li2021tilted",)

    penalty: float

    def check(self) -> None:
        self.require("penalty", within="(0, inf)", hint="A large one is near the plain mean.")

    def reweigh(self, values: npt.ArrayLike, base: npt.ArrayLike | None = None) -> Reweighted:
        return worst_weights.kl_penalised(values, penalty=self.penalty, base=base)
