"""Recall: of the examples of a class, how many are answered right."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from shiftproof.confidence.separation import chernoff_difference
from shiftproof.measures.abstract import NOTHING, ClassMeasure, both, mean_ends
from shiftproof.measures.answered import Answered
from shiftproof.risks.abstract import Measurement
from shiftproof.risks.mean import Mean
from shiftproof.risks.paired import Difference, paired_difference


@dataclass(frozen=True)
class Recall(ClassMeasure):
    """The share of a class's examples that are answered right; without a class the mean over classes, balanced accuracy.

    Args:
        class_: its name, written `class`; of classes without names their number.

    Guarantees:
        Of one class the exact binomial interval, valid at every n. Of all classes the intersection of two intervals, each at
        (1 + confidence) / 2: the mean of exact intervals that hold for all classes together, and Chernoff's bound for a mean of k times as
        many values as the rarest class has examples, which holds since no example weighs more than one of that class. Under a search it is
        at most: the mean of whether examples withstand it.
    Cost: a sort.

    Example:
        >>> import numpy as np
        >>> from shiftproof.measures import Answered
        >>> y = np.array([0, 0, 0, 1])
        >>> answers = Answered(y, np.array([True, True, False, True]), ("fine", "fraud"))
        >>> Recall("fraud").measure(answers).value, Recall().measure(answers).value.__round__(3)
        (1.0, 0.833)
    """

    name: ClassVar[str] = "recall"
    aliases: ClassVar[tuple[str, ...]] = ("balanced_accuracy",)
    references: ClassVar[tuple[str, ...]] = ("clopper1934use", "hoeffding1963probability")
    worst_case: ClassVar[bool] = True

    @property
    def label(self) -> str:
        return super().label if self.class_ else "balanced accuracy (recall, mean over classes)"

    def over(self, answered: Answered) -> list[int]:
        return [int(label) for label in np.unique(answered.y)]

    def of_class(self, answered: Answered, label: int, *, confidence: float) -> Measurement:
        return Mean().measure(answered.right[answered.y == label].astype(np.float64), confidence=confidence)

    def worth(self, answered: Answered, labels: Sequence[int]) -> int:
        return len(labels) * min(int((answered.y == label).sum()) for label in labels)

    def change(self, clean: Answered, moved: Answered, *, paired: bool, confidence: float = 0.95) -> Difference:
        if not paired:
            return super().change(clean, moved, paired=paired, confidence=confidence)
        if self.class_:
            return _of_class(clean, moved, clean.place(self.class_), confidence)
        labels = self.over(clean)
        if not labels:
            return Difference(math.nan, NOTHING)
        each = [_of_class(clean, moved, label, 1 - (1 - confidence) / 2 / len(labels)) for label in labels]
        moves = moved.right.astype(np.float64) - clean.right
        gain, loss = (float(np.mean([part[clean.y == label].mean() for label in labels])) for part in (moves.clip(0), (-moves).clip(0)))
        bound = chernoff_difference(gain, loss, self.worth(clean, labels), level=(1 + confidence) / 2)
        return Difference(gain - loss, both(mean_ends([found.interval for found in each]), bound))


def _of_class(clean: Answered, moved: Answered, label: int, confidence: float) -> Difference:
    rows = clean.y == label
    return paired_difference(clean.right[rows], moved.right[rows], confidence=confidence)
