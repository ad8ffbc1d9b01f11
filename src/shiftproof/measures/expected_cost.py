"""Expected cost: what each confusion of classes costs, on average."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from shiftproof._errors import must
from shiftproof.measures.abstract import MeanMeasure, Needs, SampleFacts
from shiftproof.measures.answered import Answered, Floats
from shiftproof.measures.precision import said_of


@dataclass(frozen=True)
class ExpectedCost(MeanMeasure):
    """The mean of C[y, said], the cost of saying a class where another is true.

    Args:
        matrix: C, rows of numbers of at least 0 parted by semicolons: a row for each true class, a column for each class said, both in
            label order: "0 1; 5 0".

    Guarantees: the betting interval of a mean of values from 0 to the greatest cost, valid at every n. Under a search it is an estimate.

    Example:
        >>> import numpy as np
        >>> from shiftproof.measures import Answered
        >>> y, said = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 0])
        >>> ExpectedCost("0 1; 5 0").measure(Answered(y, y == said, ("fine", "fraud"), said)).value
        1.5
    """

    name: ClassVar[str] = "expected_cost"
    references: ClassVar[tuple[str, ...]] = ("waudbysmith2024estimating",)
    needs: ClassVar[Needs] = "said"

    matrix: str

    def check(self) -> None:
        try:
            costs = self.costs
        except ValueError:
            costs = np.zeros(0)
        if costs.ndim != 2 or costs.shape[0] != costs.shape[1] or not bool((costs >= 0).all()) or not 0 < costs.max() < np.inf:
            rule = "hold as many rows as columns of numbers of at least 0, not all 0, such as '0 1; 5 0'"
            raise must("matrix", self.name, rule, self.matrix)

    @classmethod
    def examples_for_check(cls) -> list[ExpectedCost]:
        """One for three classes."""
        return [cls("0 1 2; 1 0 1; 5 5 0")]

    @cached_property
    def costs(self) -> Floats:
        """C, shape (k, k)."""
        return np.array([[float(cost) for cost in row.split()] for row in self.matrix.split(";")])

    @property
    def range(self) -> tuple[float, float]:
        return 0.0, float(self.costs.max())

    def check_sample(self, facts: SampleFacts) -> None:
        super().check_sample(facts)
        k = len(facts.class_names)
        if len(self.costs) != k:
            raise must("matrix", self.name, f"have {k} rows and columns, one for each class", len(self.costs))

    def values(self, answered: Answered) -> Floats:
        return np.asarray(self.costs[answered.y, said_of(answered, self.name)])
