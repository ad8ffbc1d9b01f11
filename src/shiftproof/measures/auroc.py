"""AUROC: how often an example of a class has a greater score for it than one of another class."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import logsumexp

from shiftproof.confidence.separation import chernoff_difference, chernoff_interval, rank_area
from shiftproof.measures.abstract import NOTHING, ClassMeasure, Needs, finite_scores
from shiftproof.measures.answered import Answered, Floats
from shiftproof.risks.abstract import Measurement
from shiftproof.risks.paired import Difference

_MOST_PAIRS = 2e8
"""Examples squared times classes, up to which the change looks at all pairs."""


@dataclass(frozen=True)
class Auroc(ClassMeasure):
    """The probability that an example of a class has greater odds of it than an example of another class, ties counting half.

    Without a class the mean over classes that some but not all examples have; of two classes the figure of both is one.

    Args:
        class_: its name, written `class`; of classes without names their number.

    Guarantees:
        By ranks, so that a rising map of the odds changes nothing. The interval is the Chernoff-Hoeffding bound of a two-sample
        U-statistic, valid at every n: as wide as of so many independent pairs as the smaller side has examples. The mean of classes obeys
        the same bound with the smallest side of all, however they depend on each other: by Hoelder's inequality the exponential
        moment of their mean is at most the geometric mean of theirs. The change on the same examples is bounded by what pairs gain and
        what they lose, each by that bound. Under a search it is an estimate: the moves were found to break single answers, not this figure.
    Cost: a sort for each class; for the change all pairs, up to 2e8 of them, beyond that the two intervals.

    Example:
        >>> import numpy as np
        >>> from shiftproof.measures import Answered
        >>> y, scores = np.array([0, 0, 1, 1]), np.array([[2.0, 0], [0, 1], [0, 1], [0, 3]])
        >>> Auroc("1").measure(Answered(y, scores.argmax(1) == y, ("0", "1"), scores=scores)).value
        0.875

    Reference: Hoeffding 1963, "Probability inequalities for sums of bounded random variables", section 5.
    """

    name: ClassVar[str] = "auroc"
    references: ClassVar[tuple[str, ...]] = ("hoeffding1963probability",)
    needs: ClassVar[Needs] = "scores"

    @property
    def label(self) -> str:
        return super().label.replace("auroc", "AUROC")

    def over(self, answered: Answered) -> list[int]:
        there = [int(label) for label in np.unique(answered.y)]
        return there if len(there) > 1 and answered.classes > 2 else there[1:]

    def worth(self, answered: Answered, labels: Sequence[int]) -> int:
        counts = [int((answered.y == label).sum()) for label in labels]
        return min(min(count, len(answered) - count) for count in counts)

    def of_class(self, answered: Answered, label: int, *, confidence: float) -> Measurement:
        others, own = sides(answered, label, self.name)
        if not len(own) or not len(others):
            return Measurement(math.nan, NOTHING, 0)
        value = rank_area(others, own)
        return Measurement(value, chernoff_interval(value, min(len(own), len(others)), level=confidence), len(answered))

    def change(self, clean: Answered, moved: Answered, *, paired: bool, confidence: float = 0.95) -> Difference:
        labels = [clean.place(self.class_)] if self.class_ else self.over(clean)
        worth = self.worth(clean, labels) if labels else 0
        if not paired or not worth or len(clean) ** 2 * len(labels) > _MOST_PAIRS:
            return super().change(clean, moved, paired=paired, confidence=confidence)
        found = [_moved_pairs(sides(clean, label, self.name), sides(moved, label, self.name)) for label in labels]
        gain, loss = (float(np.mean([each[part] for each in found])) for part in (0, 1))
        return Difference(gain - loss, chernoff_difference(gain, loss, worth, level=confidence))


def _moved_pairs(before: tuple[Floats, Floats], after: tuple[Floats, Floats]) -> tuple[float, float]:
    """The mean of what pairs of an example of the class and one of another gain in order, and of what they lose; ties count half."""
    gain = loss = 0.0
    for own, then in zip(before[1], after[1], strict=True):
        change = (np.sign(then - after[0]) - np.sign(own - before[0])) / 2
        gain, loss = gain + float(change.clip(0).mean()), loss + float((-change).clip(0).mean())
    return gain / len(before[1]), loss / len(before[1])


def sides(answered: Answered, label: int, owner: str) -> tuple[Floats, Floats]:
    """The logarithm of the odds of a class, of the examples of other classes and of its own; the order of the other scores is no matter.

    Sorted, the same scores in another order have the same sum to the last bit, so that ties stay ties.
    """
    z = finite_scores(answered, owner)
    odds = -logsumexp(np.sort(np.delete(z, label, axis=1) - z[:, [label]], axis=1), axis=1)
    own = answered.y == label
    return odds[~own], odds[own]
