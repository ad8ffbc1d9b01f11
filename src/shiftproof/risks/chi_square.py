"""The worst reweighting within a chi-square distance of the sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy.typing as npt

from shiftproof.risks import worst_weights
from shiftproof.risks.reweighting import Reweighting
from shiftproof.risks.worst_weights import Reweighted


@dataclass(frozen=True)
class ChiSquare(Reweighting):
    """sup of E[w v] over weights w >= 0 with mean 1 and E[(w - 1)^2] / 2 <= radius.

    = inf over eta of sqrt(1 + 2 radius) sqrt(E[max(0, v - eta)^2]) + eta. While no weight is 0 it is mean + sqrt(2 radius Var v). A group
    with a share s of the sample can take all weight from radius (1 / s - 1) / 2 on.

    Args:
        radius: in [0, inf]; 0 is the mean, inf the largest value. The 1/2 is that of Duchi & Namkoong and Levy et al.; Hashimoto et al.
            2018 [hashimoto2018fairness] omit it.

    Guarantees: the value is exact up to rounding. The interval is that of `Reweighting`.
    Cost: O(n log n); memory 16 bytes per distinct value.

    Example:
        >>> import numpy as np
        >>> round(ChiSquare(0.125).measure(np.array([1.0, 0.0, 0.0, 0.0, 0.0])).value, 4)  # 0.2 + sqrt(0.25 * 0.16)
        0.4

    Reference: Duchi & Namkoong 2021, "Learning models with uniform performance via distributionally robust optimization".
    """

    name: ClassVar[str] = "chi_square"
    aliases: ClassVar[tuple[str, ...]] = ("chi2",)
    references: ClassVar[tuple[str, ...]] = ("duchi2021learning", "levy2020large")

    radius: float

    def check(self) -> None:
        self.require("radius", within="[0, inf]", hint="0 is the plain mean; at 0.5 every half may stand alone.")

    def reweigh(self, values: npt.ArrayLike, base: npt.ArrayLike | None = None) -> Reweighted:
        return worst_weights.chi_square(values, radius=self.radius, base=base)


@dataclass(frozen=True)
class ChiSquarePenalised(Reweighting):
    """sup of E[w v] - penalty E[(w - 1)^2] / 2 over weights w >= 0 with mean 1: the distance is penalised, not bounded.

    = mean + Var v / (2 penalty) while no weight is 0.

    Args:
        penalty: in (0, inf), in units of v; large values give the mean, small values the largest value.

    Guarantees: the value is exact up to rounding. The interval is that of `Reweighting`.
    Cost: O(n log n); memory 16 bytes per distinct value.

    Example:
        >>> import numpy as np
        >>> round(ChiSquarePenalised(1.0).measure(np.array([1.0, 0.0])).value, 4)  # 0.5 + 0.25 / 2
        0.625

    Reference: Levy et al. 2020, "Large-scale methods for distributionally robust optimization".
    """

    name: ClassVar[str] = "chi_square_penalised"
    references: ClassVar[tuple[str, ...]] = ("levy2020large",)

    penalty: float

    def check(self) -> None:
        self.require("penalty", within="(0, inf)", hint="A large one is near the plain mean.")

    def reweigh(self, values: npt.ArrayLike, base: npt.ArrayLike | None = None) -> Reweighted:
        return worst_weights.chi_square_penalised(values, penalty=self.penalty, base=base)
