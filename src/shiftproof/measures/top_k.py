"""Top-k accuracy: whether the label is among the k greatest scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from shiftproof._errors import must
from shiftproof.confidence.checked import Refused
from shiftproof.measures.abstract import MeanMeasure, Needs, SampleFacts
from shiftproof.measures.answered import Answered, Floats


@dataclass(frozen=True)
class TopK(MeanMeasure):
    """The share of examples whose label is among the k classes of greatest score; of equal scores those of lower number stand first.

    Args:
        k: at least 1, and below the number of classes; with more than 100 classes at most 10, since so many scores are stored.

    Guarantees: the exact binomial interval, valid at every n. Under a search it is an estimate: moves were found for the first place.

    Example:
        >>> import numpy as np
        >>> from shiftproof.measures import Answered
        >>> y, rank = np.array([0, 1, 2]), np.array([0, 1, 2])
        >>> TopK(2).measure(Answered(y, rank == 0, ("a", "b", "c"), rank=rank)).value.__round__(3)
        0.667
    """

    name: ClassVar[str] = "top_k"
    references: ClassVar[tuple[str, ...]] = ("clopper1934use",)
    needs: ClassVar[Needs] = "rank"

    k: int = 5

    def check(self) -> None:
        self.require("k", least=1)

    @classmethod
    def examples_for_check(cls) -> list[TopK]:
        """One that fits three classes."""
        return [cls(2)]

    @property
    def label(self) -> str:
        return f"top-{self.k} accuracy"

    def check_sample(self, facts: SampleFacts) -> None:
        super().check_sample(facts)
        classes = len(facts.class_names)
        most = 10 if classes > 100 else classes - 1
        if self.k > most:
            raise must("k", self.name, f"be at most {most} with {classes} classes", self.k)

    def values(self, answered: Answered) -> Floats:
        if answered.rank is None:
            raise Refused(f"{self.name} is made of the label's rank, which is not stored here")
        return np.asarray(answered.rank < self.k, dtype=np.float64)
