"""The worst mixture of groups, which may overlap, each with a least share."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from shiftproof._errors import must
from shiftproof.outcomes import Interval
from shiftproof.risks import worst_weights
from shiftproof.risks.abstract import Measurement
from shiftproof.risks.grouped import GroupedRisk, Tallies
from shiftproof.risks.intervals import tail_of
from shiftproof.risks.mean import mean_interval
from shiftproof.risks.worst_weights import Reweighted


@dataclass(frozen=True)
class GroupMixture(GroupedRisk):
    """The least sum_g m_g mean_g over mixtures of the G groups with m_g >= floor / G: floor * (average of the means) + (1 - floor) * worst.

    An example is in several groups if its name contains several, joined by `separator`: "female|over 60". At floor 0 it is the worst group.
    Separate floors per group are an option of `worst_weights.group_mixture` and of the torch loss.

    Args:
        floor: the share of the mixture that is spread evenly over the groups, in [0, 1]; 1 is the balanced accuracy of the groups.
        separator: the text between the names of an example's groups.

    Guarantees:
        Each end misses with probability at most (1 - confidence) / 2, for any overlap and sizes: the ends of every group are taken at
        1 / G of that (Bonferroni), and the value increases with each group mean. It covers the groups that have examples, and names
        the others in its notes.
    Cost: O(n log n) once.

    Example:
        >>> import numpy as np
        >>> right, who = np.array([1.0, 1.0, 0.0, 1.0]), np.array(["a", "a|b", "b", "b"])
        >>> m = GroupMixture(0.5).measure(right, who)  # a: 1, b: 2/3
        >>> m.group, round(m.value, 4)
        ('b', 0.75)

    Reference: Sagawa et al. 2020, "Distributionally robust neural networks for group shifts"; with bounded shares: Oren et al. 2019,
    "Distributionally robust language modeling".
    """

    needs: ClassVar[str] = "group names for each example"
    name: ClassVar[str] = "group_mixture"
    references: ClassVar[tuple[str, ...]] = ("oren2019distributionally", "sagawa2020distributionally")

    floor: float = 0.0
    separator: str = "|"

    def check(self) -> None:
        self.require("floor", within="[0, 1]", hint="0 is the worst group, 1 the average of the groups.")
        if not self.separator:
            raise must("separator", self.name, "have a character", self.separator, "It joins the names of an example's groups.")

    def members(self, name: str) -> Iterable[str]:
        return name.split(self.separator)

    def weigh(self, losses: npt.ArrayLike, groups: npt.ArrayLike | None) -> Reweighted:
        given = np.asarray(losses, dtype=np.float64)
        names, place = self.cells(given, groups)
        whole = sorted({member for name in names for member in self.members(str(name))})
        inside = np.array([[member in self.members(str(name)) for name in names] for member in whole])
        return worst_weights.group_mixture(given, members=inside[:, place], floors=self.floor / max(len(whole), 1))

    def compute(self, state: Tallies, *, confidence: float = 0.95) -> Measurement:
        tail = tail_of(confidence)
        full, notes = self.measured(state)
        if not full:
            return Measurement(math.nan, Interval(math.nan, math.nan), 0, notes=("no group has examples", *notes))
        means = {name: tally.mean for name, tally in full.items()}
        worst = min(means, key=lambda name: (means[name], name))
        binary = all(tally.binary for tally in full.values())
        each = tail / len(full)
        ends = [mean_interval(tally, low_tail=each, high_tail=each, binary=binary) for tally in full.values()]
        value, low, high = (self._mix(numbers) for numbers in (list(means.values()), [e.low for e in ends], [e.high for e in ends]))
        return Measurement(value, Interval(min(low, value), max(high, value)), full[worst].n, group=worst, notes=notes)

    def _mix(self, means: list[float]) -> float:
        return self.floor * math.fsum(means) / len(means) + (1 - self.floor) * min(means)
