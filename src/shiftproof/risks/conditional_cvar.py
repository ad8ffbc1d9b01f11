"""The worst share of examples when only the distribution of some columns shifts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from shiftproof.outcomes import Interval
from shiftproof.risks import worst_weights
from shiftproof.risks.abstract import Measurement
from shiftproof.risks.cvar import CVaR
from shiftproof.risks.grouped import GroupedRisk, Tallies
from shiftproof.risks.intervals import dkw_width, tail_of
from shiftproof.risks.mean import mean_interval
from shiftproof.risks.worst_weights import Reweighted


@dataclass(frozen=True)
class ConditionalCVaR(GroupedRisk):
    """CVaR at `alpha` of E[v | z]: the worst share alpha of the population when only the columns z are reweighed.

    z has finitely many values: an example's group name is its value of the columns that may shift. It is at most the CVaR of v itself,
    which also selects examples by other information.

    Args:
        alpha: the share, in (0, 1].

    Guarantees:
        Each end misses with probability at most (1 - confidence) / 2. Half of that is for the cells' means (Bonferroni over the cells seen,
        given their sizes), half for their shares (Dvoretzky-Kiefer-Wolfowitz on E[v | z] of the examples); the latter covers cells never
        seen. The value is biased upwards where cells are small, since cells are selected by their means: a note says where cells have
        fewer than 5 examples. Columns of numbers must be binned first; the smoothing of Duchi et al. is not implemented.
    Cost: O(n log n) once.

    Example:
        >>> import numpy as np
        >>> wrong, town = np.array([1.0, 0.0, 1.0, 1.0]), np.array(["a", "a", "b", "b"])
        >>> round(ConditionalCVaR(0.75).measure(wrong, town).value, 4), CVaR(0.75).measure(wrong).value
        (0.8333, 1.0)

    Reference: Duchi, Hashimoto & Namkoong 2023, "Distributionally robust losses for latent covariate mixtures".
    """

    needs: ClassVar[str] = "each example's value of the columns that may shift"
    name: ClassVar[str] = "conditional_cvar"
    over: ClassVar[Literal["correct", "error_probability"]] = "error_probability"
    worse: ClassVar[Literal["lower", "higher"]] = "higher"
    references: ClassVar[tuple[str, ...]] = ("duchi2023distributionally",)

    alpha: float

    def check(self) -> None:
        self.require("alpha", within="(0, 1]", hint="0.1 is the worst tenth.")

    def weigh(self, losses: npt.ArrayLike, groups: npt.ArrayLike | None) -> Reweighted:
        given = np.asarray(losses, dtype=np.float64)
        _, place = self.cells(given, groups)
        counts = np.bincount(place)
        found = worst_weights.cvar(np.bincount(place, given) / counts, alpha=self.alpha, base=counts)
        return Reweighted(found.value, (found.weights / counts)[place])

    def compute(self, state: Tallies, *, confidence: float = 0.95) -> Measurement:
        half = tail_of(confidence) / 2
        cells = {name: tally for name, tally in state.items() if tally.n}
        if not cells:
            return Measurement(math.nan, Interval(math.nan, math.nan), 0)
        n = sum(tally.n for tally in cells.values())
        binary = all(tally.binary for tally in cells.values())
        ends = [mean_interval(t, low_tail=half / len(cells), high_tail=half / len(cells), binary=binary) for t in cells.values()]
        counts = np.array([tally.n for tally in cells.values()], dtype=np.int64)
        width = dkw_width(n, confidence=1 - 2 * half)

        def tail(means: list[float], rise: float) -> float:
            order = np.argsort(means, kind="stable")
            mean = CVaR(self.alpha).tail_mean(np.asarray(means)[order], counts[order], rise)
            return min(max(mean, 0.0), 1.0)  # rounding

        value = tail([tally.mean for tally in cells.values()], 0.0)
        interval = Interval(min(value, tail([e.low for e in ends], width)), max(value, tail([e.high for e in ends], -width)))
        small = sum(tally.n < 5 for tally in cells.values())
        notes = (f"{small} of {len(cells)} cells have fewer than 5 examples, which biases the value upwards",) if small else ()
        return Measurement(value, interval, n, notes=notes)
