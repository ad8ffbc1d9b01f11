"""Changes of a table's categories, each at a cost, within a budget."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import Any, ClassVar

from torch import Tensor

from shiftproof._errors import UsageError, unknown
from shiftproof.data.space import Column
from shiftproof.shifts.edits import Edit
from shiftproof.shifts.tabular.rules import ColumnRule, Rules, canonical, parse
from shiftproof.shifts.tabular.swapped import Swapped
from shiftproof.shifts.tabular.table_edits import columns_of

ROUNDING = 1e-9
"""Costs that exceed the budget by no more than this are within it."""


@dataclass(frozen=True)
class CategoryCosts(Swapped):
    """Any categories of a row change, as long as the costs of the changed columns sum to at most `budget`.

    cost(x, r) = sum over the categorical columns j with r_j != x_j of c_j.

    Args:
        budget: the largest cost, in (0, inf). At the default cost of 1, a budget of 2 lets two columns change.
        rules: JSON, or a .toml or .json file: per column `cost`, and `move` "fixed" for one that cannot change. A column that is not named
            costs 1. Numbers stay; `tabular` moves both.

    Params: (n, k, 2), the changed columns and which of the other categories; see `Edits`. k is the most columns that the budget pays for.

    Guarantees:
        `every` lists the affordable changes cheapest first, so under `exhaustive` the first failure is one of least cost, and an example
        that holds is certified. `best_first` searches the same changes where they are too many.

    Reference: Kireev, Andriushchenko, Troncoso & Flammarion 2023, "Transferable adversarial robustness for categorical data via universal
    robust embeddings".
    """

    name: ClassVar[str] = "category_costs"
    strength: ClassVar[str] = "budget"
    references: ClassVar[tuple[str, ...]] = ("kireev2023transferable",)

    share: float = field(default=1.0, init=False, repr=False)
    column: str = field(default="", init=False, repr=False)
    budget: float = 1.0
    rules: str = ""

    @classmethod
    def examples_for_check(cls) -> list[CategoryCosts]:
        """With a cost for a column of the tables that parts are checked on."""
        return [cls(1.0), cls(budget=0.5, rules='{"columns": {"colour": {"cost": 0.5}}}')]

    def check(self) -> None:
        self.require("budget", within="(0, inf)", hint="1 pays for one change at the default cost.")
        object.__setattr__(self, "rules", canonical(self.rules))
        parse(self.rules)
        if self.space.columns:
            costs = sorted(self.cost_of(place) for place in self.places(None))
            paid = [sum(costs[: size + 1]) <= self.budget + ROUNDING for size in range(len(costs))]
            object.__setattr__(self, "edits", max(1, sum(paid)))

    @cached_property
    def _rules(self) -> Rules:
        return parse(self.rules)

    def within(self, space: Any) -> CategoryCosts:
        placed = super().within(space)
        names = columns_of(space, self.name)
        for name in self._rules.columns:
            if name not in names:
                raise unknown(f"column in the rules of {self.name}:", name, names)
        if min(placed.cost_of(place) for place in placed.places(None)) > self.budget + ROUNDING:
            raise UsageError(f"The budget of {self.name} ({self.budget:g}) pays for no change of a category. Raise it, or lower a cost.")
        return placed

    def can_change(self, column: Column) -> bool:
        return super().can_change(column) and self._rules.columns.get(column.name, ColumnRule()).move != "fixed"

    def cost_of(self, place: int) -> float:
        """What a change of this column costs."""
        return self._rules.columns.get(self.space.columns[place].name, ColumnRule()).cost

    def cost(self, edits: list[Edit]) -> float:
        """What these changes cost."""
        return math.fsum(self.cost_of(place) for place, _ in edits)

    def _affordable(self, edits: list[Edit]) -> bool:
        return self.cost(edits) <= self.budget + ROUNDING

    def possible(self, one: Tensor, edits: list[Edit]) -> list[Edit]:
        kept: list[Edit] = []
        for edit in super().possible(one, edits):
            if self._affordable([*kept, edit]):
                kept.append(edit)
        return kept

    def neighbours(self, one: Tensor, have: list[Edit]) -> Iterator[list[Edit]]:
        return (move for move in super().neighbours(one, have) if self._affordable(move))

    def every(self, one: Tensor) -> Iterator[list[Edit]]:
        """Every affordable change of this row: none first, then by cost, the columns and the choices."""
        for chosen in self._sets(one):
            for choice in product(*(range(self.choices(one, place)) for place in chosen)):
                yield list(zip(chosen, choice, strict=True))

    def _sets(self, one: Tensor) -> Iterator[tuple[int, ...]]:
        """The affordable sets of columns, cheapest first."""
        places = sorted(self.free(one), key=lambda place: (self.cost_of(place), place))
        waiting: list[tuple[float, int, tuple[int, ...]]] = [(0.0, 0, ())]
        while waiting:
            cost, following, chosen = heapq.heappop(waiting)
            yield tuple(sorted(chosen))
            for i in range(following, len(places)):
                more = cost + self.cost_of(places[i])
                if more > self.budget + ROUNDING:
                    break  # those behind it cost no less
                heapq.heappush(waiting, (more, i + 1, (*chosen, places[i])))

    def count(self, one: Tensor) -> int:
        return sum(math.prod(self.choices(one, place) for place in chosen) for chosen in self._sets(one))
