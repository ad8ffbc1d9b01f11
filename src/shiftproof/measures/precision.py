"""Precision: of the answers that name a class, how many are right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from shiftproof.confidence.checked import Refused
from shiftproof.measures.abstract import ClassMeasure, Needs
from shiftproof.measures.answered import Answered, Ints
from shiftproof.risks.abstract import Measurement
from shiftproof.risks.mean import Mean


@dataclass(frozen=True)
class Precision(ClassMeasure):
    """The share of the answers naming a class that are right; without a class the mean over classes that are named at least once.

    Args:
        class_: its name, written `class`; of classes without names their number.

    Guarantees:
        Of one class the exact binomial interval, given how often it is named. Of all classes, given how often each is named, the two bounds
        of `recall`. Under a search it is an estimate: the moves were found to break single answers, not this figure.

    Example:
        >>> import numpy as np
        >>> from shiftproof.measures import Answered
        >>> y, said = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])
        >>> round(Precision("1").measure(Answered(y, y == said, ("0", "1"), said)).value, 3)
        0.667
    """

    name: ClassVar[str] = "precision"
    references: ClassVar[tuple[str, ...]] = ("clopper1934use",)
    needs: ClassVar[Needs] = "said"

    def over(self, answered: Answered) -> list[int]:
        return [int(label) for label in np.unique(said_of(answered, self.name))]

    def worth(self, answered: Answered, labels: Sequence[int]) -> int:
        return len(labels) * min(int((said_of(answered, self.name) == label).sum()) for label in labels)

    def of_class(self, answered: Answered, label: int, *, confidence: float) -> Measurement:
        named = said_of(answered, self.name) == label
        return Mean().measure((answered.y[named] == label).astype(np.float64), confidence=confidence)


def said_of(answered: Answered, owner: str) -> Ints:
    """The class that each answer names; raises `Refused` for several searches together."""
    if answered.said is None:
        raise Refused(f"{owner} is made of the classes said, and several searches together say different ones")
    return answered.said
