"""Risks with weights by rank. The superquantile, a spectrum with one step, is `cvar`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from shiftproof._arrays import Floats
from shiftproof.risks import worst_weights
from shiftproof.risks.reweighting import Reweighting
from shiftproof.risks.worst_weights import Reweighted


@dataclass(frozen=True)
class Extremile(Reweighting):
    """integral of r u^(r - 1) Q(u) du, Q the quantile function of v: for whole r the mean of the largest of r draws.

    Args:
        order: r, in [1, inf); 1 is the mean.

    Guarantees: the value is exact up to rounding, for draws with replacement from the sample. The interval is that of `Reweighting`.
    Cost: O(n log n); memory 16 bytes per distinct value.

    Example:
        >>> import numpy as np
        >>> round(Extremile(2).measure(np.array([0.0, 1.0])).value, 4)  # at least one of two draws is 1
        0.75

    Reference: Daouia, Gijbels & Stupfler 2019, "Extremiles: a new perspective on asymmetric least squares".
    """

    name: ClassVar[str] = "extremile"
    references: ClassVar[tuple[str, ...]] = ("daouia2019extremiles",)

    order: float

    def check(self) -> None:
        self.require("order", within="[1, inf)", hint="1 is the plain mean, 2 the mean of the worse of two draws.")

    def reweigh(self, values: npt.ArrayLike, base: npt.ArrayLike | None = None) -> Reweighted:
        if self.order == 1:
            return worst_weights.cvar(values, alpha=1.0, base=base)
        return worst_weights.spectral(values, cumulative=lambda u: u**self.order, base=base)


@dataclass(frozen=True)
class ExponentialSpectral(Reweighting):
    """integral of phi(u) Q(u) du with phi(u) = rho exp(-rho (1 - u)) / (1 - exp(-rho)), Q the quantile function of v.

    Args:
        rho: in (0, inf); small values give the mean, large values the largest value.

    Guarantees: the value is exact up to rounding. The interval is that of `Reweighting`.
    Cost: O(n log n); memory 16 bytes per distinct value.

    Example:
        >>> import numpy as np
        >>> round(ExponentialSpectral(1).measure(np.array([0.0, 1.0])).value, 4)  # (1 - e^-0.5) / (1 - e^-1)
        0.6225

    Reference: Dowd, Cotter & Sorwar 2008, "Spectral risk measures: properties and limitations"; for learning Mehta et al. 2023, "Stochastic
    optimization for spectral risk measures".
    """

    name: ClassVar[str] = "exponential_spectral"
    aliases: ClassVar[tuple[str, ...]] = ("esrm",)
    references: ClassVar[tuple[str, ...]] = (
        "dowd2008spectral",
        "mehta2023stochastic",
    )

    rho: float

    def check(self) -> None:
        self.require("rho", within="(0, inf)", hint="Near 0 it is the plain mean.")

    def reweigh(self, values: npt.ArrayLike, base: npt.ArrayLike | None = None) -> Reweighted:
        def cumulative(u: Floats) -> Floats:
            return np.asarray(np.exp(-self.rho * (1 - u)) * np.expm1(-self.rho * u) / math.expm1(-self.rho))

        return worst_weights.spectral(values, cumulative=cumulative, base=base)
