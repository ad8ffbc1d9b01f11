"""The worst reweighting within a total variation distance of the sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy.typing as npt

from shiftproof.risks import worst_weights
from shiftproof.risks.reweighting import Reweighting
from shiftproof.risks.worst_weights import Reweighted


@dataclass(frozen=True)
class TotalVariation(Reweighting):
    """sup of E[w v] over weights w >= 0 with mean 1 and E|w - 1| / 2 <= radius.

    = radius max v + (1 - radius) CVaR of v at alpha = 1 - radius: the best share `radius` of the mass goes to the worst value seen.

    Args:
        radius: the share of the mass that may be moved, in [0, 1]; 0 is the mean and 1 the largest value.

    Guarantees:
        The value is exact up to rounding. The interval is that of `Reweighting`. The risk depends on the largest value, which no sample
        bounds from above, so the upper end lies at least e radius towards 1.
    Cost: O(n log n); memory 16 bytes per distinct value.

    Example:
        >>> import numpy as np
        >>> round(TotalVariation(0.25).measure(np.array([0.0, 0.2, 0.4, 0.8])).value, 4)  # the 0 becomes another 0.8
        0.55

    Reference: Jiang & Guan 2018, "Risk-averse two-stage stochastic program with distributional ambiguity".
    """

    name: ClassVar[str] = "total_variation"
    aliases: ClassVar[tuple[str, ...]] = ("tv",)
    references: ClassVar[tuple[str, ...]] = ("jiang2018risk",)

    radius: float

    def check(self) -> None:
        self.require("radius", within="[0, 1]", hint="It is the share of the sample that may be moved.")

    def reweigh(self, values: npt.ArrayLike, base: npt.ArrayLike | None = None) -> Reweighted:
        return worst_weights.total_variation(values, radius=self.radius, base=base)


@dataclass(frozen=True)
class TotalVariationPenalised(Reweighting):
    """sup of E[w v] - penalty E|w - 1| / 2 = E max(v, max v - penalty): each example moves to the worst one if the gain is larger.

    Args:
        penalty: in (0, inf), in units of v; at 1 and above it is the mean.

    Guarantees: the value is exact up to rounding. The interval is that of `Reweighting`.
    Cost: O(n log n); memory 16 bytes per distinct value.

    Example:
        >>> import numpy as np
        >>> round(TotalVariationPenalised(0.5).measure(np.array([0.0, 1.0])).value, 4)
        0.75

    Reference: Jiang & Guan 2018, "Risk-averse two-stage stochastic program with distributional ambiguity" (their ball, by its Lagrangian).
    """

    name: ClassVar[str] = "total_variation_penalised"
    references: ClassVar[tuple[str, ...]] = ("jiang2018risk",)

    penalty: float

    def check(self) -> None:
        self.require("penalty", within="(0, inf)", hint="A large one is the plain mean.")

    def reweigh(self, values: npt.ArrayLike, base: npt.ArrayLike | None = None) -> Reweighted:
        return worst_weights.total_variation_penalised(values, penalty=self.penalty, base=base)
