"""Conditional value-at-risk: the mean of the worst share of examples."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from shiftproof._arrays import Floats, Ints
from shiftproof.risks import worst_weights
from shiftproof.risks.abstract import Measurement
from shiftproof.risks.tallied import TalliedRisk, bracketed, raised_distribution
from shiftproof.risks.tally import Tally
from shiftproof.risks.worst_weights import Reweighted


@dataclass(frozen=True)
class CVaR(TalliedRisk):
    """Mean of the worst `alpha` share of the error probabilities: sup of E[w v] over weights 0 <= w <= 1 / alpha with mean 1.

    = 1 - (1 / alpha) * integral_0^1 max(0, F(x) - (1 - alpha)) dx, F the distribution function of v in [0, 1]. Where alpha * n is not a
    whole number, the example at the edge counts in part.

    Args:
        alpha: the share, in (0, 1]; 1 is the plain mean.

    Guarantees:
        The interval puts F + e and F - e, e the Dvoretzky-Kiefer-Wolfowitz width, into the formula (Thomas & Learned-Miller 2019, Theorems
        3 and 4, which improve on Brown 2007). Each end misses with probability at most (1 - confidence) / 2, for every distribution on [0,
        1] and every n. It is wide where alpha * n is small: the upper end then relies on the bound 1, and at e >= alpha it is 1.
        At alpha = 1, `mean` gives a narrower interval.
    Cost: O(n log n) once; memory 16 bytes per distinct value.

    Example:
        >>> import numpy as np
        >>> round(CVaR(0.5).measure(np.array([0.1, 0.2, 0.9])).value, 4)  # all of 0.9 and half of 0.2
        0.6667

    Reference: Rockafellar & Uryasev 2000, "Optimization of conditional value-at-risk".
    """

    name: ClassVar[str] = "cvar"
    aliases: ClassVar[tuple[str, ...]] = ("superquantile",)
    over: ClassVar[Literal["correct", "error_probability"]] = "error_probability"
    worse: ClassVar[Literal["lower", "higher"]] = "higher"
    references: ClassVar[tuple[str, ...]] = (
        "rockafellar2000optimization",
        "thomas2019concentration",
        "brown2007large",
    )

    alpha: float

    def check(self) -> None:
        self.require("alpha", within="(0, 1]", hint="0.1 is the worst tenth.")

    def reweigh(self, values: npt.ArrayLike, base: npt.ArrayLike | None = None) -> Reweighted:
        return worst_weights.cvar(values, alpha=self.alpha, base=base)

    def compute(self, state: Tally, *, confidence: float = 0.95) -> Measurement:
        def raised(rise: float) -> float:
            return self.tail_mean(state.values, state.counts, rise)

        notes = ("the worst share is less than one example",) if self.alpha * state.n < 1 else ()
        return bracketed(state, lambda: state.mean if self.alpha == 1 else raised(0.0), raised, confidence=confidence, notes=notes)

    def tail_mean(self, values: Floats, counts: Ints, rise: float) -> float:
        """The formula, with the empirical distribution function raised by `rise` and clipped to [0, 1] (0 below 0, 1 from 1 on).

        It is the value of the sample in which a share |rise| of the examples is replaced: the largest by 0 for rise > 0, the smallest by 1
        for rise < 0.
        """
        reached = raised_distribution(counts, rise)
        mass = np.diff(np.maximum(reached - (1 - self.alpha), 0.0), prepend=0.0)  # of the tail at 0, at each value, and at 1
        return math.fsum(mass * np.concatenate([[0.0], values, [1.0]])) / self.alpha
