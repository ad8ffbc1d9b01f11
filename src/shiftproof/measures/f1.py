"""F1: the harmonic mean of precision and recall."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from shiftproof.measures.abstract import ClassMeasure, Needs
from shiftproof.measures.answered import Answered
from shiftproof.measures.precision import said_of
from shiftproof.outcomes import Interval
from shiftproof.risks.abstract import Measurement
from shiftproof.risks.mean import Mean


@dataclass(frozen=True)
class F1(ClassMeasure):
    """2 TP / (2 TP + FP + FN) of a class; without one the mean over classes that occur or are named (macro F1).

    Args:
        class_: its name, written `class`; of classes without names their number.

    Guarantees:
        F1 is 2 j / (1 + j), with j the share TP / (TP + FP + FN) of the examples that are of the class or said to be: a proportion, whose
        exact binomial interval maps to one of F1, valid at every n. Of all classes the mean of intervals that hold for all together
        (Bonferroni). Under a search it is an estimate: the moves were found to break single answers, not this figure.

    Example:
        >>> import numpy as np
        >>> from shiftproof.measures import Answered
        >>> y, said = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])
        >>> F1("1").measure(Answered(y, y == said, ("0", "1"), said)).value
        0.8
    """

    name: ClassVar[str] = "f1"
    references: ClassVar[tuple[str, ...]] = ("clopper1934use",)
    needs: ClassVar[Needs] = "said"

    @property
    def label(self) -> str:
        return super().label.replace("f1", "F1")

    def of_class(self, answered: Answered, label: int, *, confidence: float) -> Measurement:
        said = said_of(answered, self.name)
        either = (said == label) | (answered.y == label)
        both = (said == label) & (answered.y == label)
        found = Mean().measure(both[either].astype(np.float64), confidence=confidence)
        return Measurement(_harmonic(found.value), Interval(*map(_harmonic, found.interval)), found.n)


def _harmonic(j: float) -> float:
    return 2 * j / (1 + j)
