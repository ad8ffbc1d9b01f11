"""The worst group: the least of the group means."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from shiftproof.outcomes import Interval
from shiftproof.risks import worst_weights
from shiftproof.risks.abstract import Measurement
from shiftproof.risks.grouped import GroupedRisk, Tallies
from shiftproof.risks.intervals import tail_of
from shiftproof.risks.mean import mean_interval
from shiftproof.risks.worst_weights import Reweighted


@dataclass(frozen=True)
class WorstGroup(GroupedRisk):
    """The least group mean: min_g mean of v over group g. Groups are disjoint: each example has one group name.

    The interval is [min_g low_g, min_g high_g], with low_g the exact binomial lower end of group g at tail t = (1 - confidence) / 2 and
    high_g its upper end at tail 1 - (1 - t)^(1/G), G the number of groups with examples.

    Guarantees:
        Each end misses with probability at most t, whichever group has the least mean and however small the groups are. Proof. Let w be
        the group whose true mean is least; it is fixed, though unknown. Low end: min_g low_g <= low_w, and low_w is above the truth with
        probability at most t.
        High end: min_g high_g is below the true minimum only if some high_g is below it, hence below the true mean of its own group. Given
        the sizes, disjoint groups of independent examples are independent, so with all of them at tail b this has probability at most
        1 - (1 - b)^G, which is t (Sidak). The low end needs no correction.
        It covers the groups that have examples. A group without examples is NaN in `groups` and is named in the notes.
        Where values are not 0 or 1, the ends are those of the betting interval at the same tails.
    Cost: O(n log n) once.

    Example:
        >>> import numpy as np
        >>> right, light = np.array([1.0, 1.0, 0.0, 1.0]), np.array(["day", "day", "night", "night"])
        >>> m = WorstGroup().measure(right, light)
        >>> m.group, m.value, m.n
        ('night', 0.5, 2)

    Reference: Sagawa et al. 2020, "Distributionally robust neural networks for group shifts".
    """

    name: ClassVar[str] = "worst_group"
    references: ClassVar[tuple[str, ...]] = (
        "sagawa2020distributionally",
        "sidak1967rectangular",
    )

    def weigh(self, losses: npt.ArrayLike, groups: npt.ArrayLike | None) -> Reweighted:
        given = np.asarray(losses, dtype=np.float64)
        return worst_weights.worst_group(given, groups=self.cells(given, groups)[1])

    def compute(self, state: Tallies, *, confidence: float = 0.95) -> Measurement:
        tail = tail_of(confidence)
        full, notes = self.measured(state)
        if not full:
            return Measurement(math.nan, Interval(math.nan, math.nan), 0, notes=("no group has examples", *notes))
        least = min(tally.mean for tally in full.values())
        worst, *tied = sorted(name for name, tally in full.items() if tally.mean == least)
        if tied:
            notes += (f"equally low: {', '.join(tied)}",)
        binary = all(tally.binary for tally in full.values())
        high_tail = -math.expm1(math.log1p(-tail) / len(full))
        ends = [mean_interval(tally, low_tail=tail, high_tail=high_tail, binary=binary) for tally in full.values()]
        interval = Interval(min(end.low for end in ends), min(end.high for end in ends))
        return Measurement(least, interval, full[worst].n, group=worst, notes=notes)

    def groups(self, state: Tallies, *, confidence: float = 0.95) -> list[Measurement]:
        """The mean of every group, by name; NaN with a note where a group has no examples.

        Each interval is valid for one group chosen beforehand. For the worst group use `compute`, which accounts for the choice.
        """
        tail = tail_of(confidence)
        binary = all(tally.binary for tally in state.values())
        return [
            Measurement(
                tally.mean,
                mean_interval(tally, low_tail=tail, high_tail=tail, binary=binary),
                tally.n,
                group=name,
                notes=() if tally.n else ("no examples",),
            )
            for name, tally in sorted(state.items())
        ]
