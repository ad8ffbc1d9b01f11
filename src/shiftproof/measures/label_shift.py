"""Accuracy where the classes are mixed otherwise than in the sample."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from shiftproof._errors import must
from shiftproof.confidence.separation import chernoff_interval
from shiftproof.measures.abstract import NOTHING, Measure, both
from shiftproof.measures.answered import Answered, Floats
from shiftproof.outcomes import Interval
from shiftproof.risks.abstract import Measurement
from shiftproof.risks.mean import Mean


@dataclass(frozen=True)
class LabelShift(Measure):
    """The least accuracy under label shift: each class up to `times` as frequent, or as rare, as in the sample, and otherwise alike.

    min over q of sum_k q_k recall_k, where q_k lies in [p_k / times, p_k * times], the q_k add up to 1, and p_k are the sample's shares.

    Args:
        times: by how much the share of a class may grow or shrink; at least 1.

    Guarantees:
        Given the sample's shares of classes, an interval that is valid at every n: the intersection of two, each at (1 + confidence) / 2.
        One is made of exact intervals of the recalls that hold together. The other is made of Chernoff's bound of the accuracy, since
        errors become at most `times` as frequent, and accuracy does not rise. Under a search it is at most: recalls are at most there.
        It says nothing where the examples of a class change too.
    Cost: a sort of the classes.

    Reference: Lipton, Wang & Smola 2018 [lipton2018detecting] for what label shift is.

    Example:
        >>> import numpy as np
        >>> from shiftproof.measures import Answered
        >>> y = np.array([0, 0, 0, 1])
        >>> answers = Answered(y, np.array([True, True, True, False]), ("fine", "fraud"))
        >>> LabelShift(times=1).measure(answers).value, LabelShift(times=2).measure(answers).value
        (0.75, 0.5)
    """

    name: ClassVar[str] = "label_shift"
    references: ClassVar[tuple[str, ...]] = ("clopper1934use", "hoeffding1963probability", "lipton2018detecting")
    worst_case: ClassVar[bool] = True

    times: float = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.times < math.inf:
            raise must("times", self.name, "be at least 1", self.times)

    @property
    def label(self) -> str:
        return f"least accuracy with classes up to {self.times:g} times as frequent or as rare (label shift)"

    def measure(self, answered: Answered, *, confidence: float = 0.95) -> Measurement:
        if not len(answered):
            return Measurement(math.nan, NOTHING, 0)
        labels, counts = np.unique(answered.y, return_counts=True)
        shares = counts / counts.sum()
        right = answered.right.astype(np.float64)
        level = 1 - (1 - confidence) / 2 / len(labels)
        each = [Mean().measure(right[answered.y == label], confidence=level) for label in labels]
        value = self._least(shares, np.array([found.value for found in each]))
        ends = Interval(*(self._least(shares, np.array([found.interval[end] for found in each])) for end in (0, 1)))
        low, high = chernoff_interval(float(right.mean()), len(right), level=(1 + confidence) / 2)
        return Measurement(value, both(ends, Interval(max(1 - self.times * (1 - low), 0.0), high)), len(answered))

    def _least(self, shares: Floats, recalls: Floats) -> float:
        """The least mix of the recalls, (k,): every class at its least share, then the rest to the classes of least recall."""
        mix = shares / self.times
        left = 1.0 - mix.sum()
        for place in np.argsort(recalls, kind="stable"):
            more = min(shares[place] * self.times - mix[place], left)
            mix[place] += more
            left -= more
        return float(mix @ recalls)
