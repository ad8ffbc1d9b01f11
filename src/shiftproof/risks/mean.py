"""The mean: every example has the same weight."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from shiftproof.outcomes import Interval
from shiftproof.risks import worst_weights
from shiftproof.risks.abstract import Measurement
from shiftproof.risks.betting_intervals import betting_low
from shiftproof.risks.intervals import binomial_low, tail_of
from shiftproof.risks.tallied import TalliedRisk
from shiftproof.risks.tally import Tally
from shiftproof.risks.worst_weights import Reweighted


@dataclass(frozen=True)
class Mean(TalliedRisk):
    """The sample mean: sum_i v_i / n.

    Guarantees:
        The interval is the exact binomial one (Clopper & Pearson) if all values are 0 or 1, else the betting interval for means of values
        in [0, 1]; both are valid at every n. The choice depends on the values: for a variable that can take other values but took only 0
        and 1, coverage is at least 1 - 2 (1 - confidence). It is valid for one number chosen beforehand, not for the best of several.
    Cost: O(n log n) once; memory 16 bytes per distinct value.

    Example:
        >>> import numpy as np
        >>> m = Mean().measure(np.array([1.0, 1.0, 0.0, 1.0]))
        >>> m.value, round(m.interval.low, 3), round(m.interval.high, 3)
        (0.75, 0.194, 0.994)

    Reference: Clopper & Pearson 1934; Waudby-Smith & Ramdas 2024.
    """

    name: ClassVar[str] = "mean"
    references: ClassVar[tuple[str, ...]] = (
        "clopper1934use",
        "waudbysmith2024estimating",
    )

    def reweigh(self, values: npt.ArrayLike, base: npt.ArrayLike | None = None) -> Reweighted:
        return worst_weights.cvar(values, alpha=1.0, base=base)

    def compute(self, state: Tally, *, confidence: float = 0.95) -> Measurement:
        tail = tail_of(confidence)
        return Measurement(state.mean, mean_interval(state, low_tail=tail, high_tail=tail, binary=state.binary), state.n)


def mean_interval(tally: Tally, *, low_tail: float, high_tail: float, binary: bool) -> Interval:
    """A confidence interval for the mean of values in [0, 1].

    The low end is above the mean with probability at most `low_tail`, the high end below it with probability at most `high_tail`. Exact
    binomial if the values are `binary`, else by betting; NaN for no examples.
    """
    if not tally.n:
        return Interval(math.nan, math.nan)
    if binary:
        k, n = np.float64(tally.ones), np.float64(tally.n)
        return Interval(float(binomial_low(k, n, low_tail)), 1 - float(binomial_low(n - k, n, high_tail)))
    counts = tally.counts.astype(np.float64)
    return Interval(float(betting_low(tally.values, counts, low_tail)), 1 - float(betting_low(1 - tally.values, counts, high_tail)))
