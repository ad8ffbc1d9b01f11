"""The gap in equalized odds: how differently groups of the same label are answered."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from shiftproof.confidence.checked import Refused
from shiftproof.measures.abstract import NOTHING, Measure, Needs, SampleFacts
from shiftproof.measures.answered import Answered, Floats
from shiftproof.measures.precision import said_of
from shiftproof.outcomes import Interval
from shiftproof.risks.abstract import Measurement
from shiftproof.risks.intervals import binomial_low


@dataclass(frozen=True)
class EqualizedOddsGap(Measure):
    """The greatest difference between groups in the probability of an answer given the label.

    max over labels y and answers k of max_g P(k | y, g) - min_g P(k | y, g). For two classes it is the greater of the differences in true
    and in false positive rate.

    Args:
        by: the column of groups.

    A group without examples of a label is left out for that label, and named.

    Guarantees:
        Exact binomial intervals of all the probabilities that hold together (Bonferroni); the gap lies between the least and the greatest
        that they allow. Valid at every n, and for the greatest of many: the sample's own gap is above the true one by chance, and grows
        with the number of groups. Under a search it is an estimate.

    Example:
        >>> import numpy as np
        >>> from shiftproof.measures import Answered
        >>> y, said = np.array([1, 1, 1, 1]), np.array([1, 1, 1, 0])
        >>> answers = Answered(y, y == said, ("0", "1"), said, groups={"sex": np.array(["F", "F", "M", "M"])})
        >>> EqualizedOddsGap("sex").measure(answers).value
        0.5

    Reference: Hardt, Price & Srebro 2016, "Equality of opportunity in supervised learning".
    """

    name: ClassVar[str] = "equalized_odds_gap"
    references: ClassVar[tuple[str, ...]] = ("hardt2016equality", "clopper1934use")
    needs: ClassVar[Needs] = "said"

    by: str

    @classmethod
    def examples_for_check(cls) -> list[EqualizedOddsGap]:
        """One by the column that the checks have."""
        return [cls("sex")]

    @property
    def label(self) -> str:
        return f"equalized odds gap by {self.by}"

    def check_sample(self, facts: SampleFacts) -> None:
        super().check_sample(facts)
        facts.require_group(self.by, f"In the measure {self.spec()}; name columns with ?groups=.")

    def measure(self, answered: Answered, *, confidence: float = 0.95) -> Measurement:
        counts, groups = self._counts(answered)
        totals = counts.sum(2)
        several = (totals > 0).sum(0) > 1  # labels that at least two groups have
        if not several.any():
            return Measurement(math.nan, NOTHING, 0, notes=("no two groups have examples of one label",))
        counts, totals = counts[:, several], totals[:, several]
        answers = counts.shape[2] if counts.shape[2] > 2 else 1  # of two classes the second says nothing new
        k, n = counts[:, :, :answers], totals[:, :, None]
        there = np.broadcast_to(n > 0, k.shape)
        tail = (1 - confidence) / 2 / int(there.sum())
        low, high = binomial_low(k, n, tail), 1 - binomial_low(n - k, n, tail)
        rate = k / np.where(n > 0, n, np.nan)
        least = np.nanmax(low, axis=0) - np.nanmin(high, axis=0)
        most = np.nanmax(high, axis=0) - np.nanmin(low, axis=0)
        value = float((np.nanmax(rate, axis=0) - np.nanmin(rate, axis=0)).max())
        absent = [groups[g] for g in np.flatnonzero((totals == 0).any(1))]
        notes = (f"groups without examples of some label: {', '.join(absent[:8])}",) if absent else ()
        return Measurement(value, Interval(max(0.0, float(least.max())), float(most.max())), int(totals.sum()), notes=notes)

    def _counts(self, answered: Answered) -> tuple[Floats, list[str]]:
        """How often each group of each label is answered each class, shape (groups, labels, classes)."""
        if self.by not in answered.groups:
            raise Refused(f"this sample has no group column '{self.by}'")
        names, group = np.unique(answered.groups[self.by], return_inverse=True)
        counts = np.zeros((len(names), answered.classes, answered.classes))
        np.add.at(counts, (group, answered.y, said_of(answered, self.name)), 1)
        return counts, names.tolist()
