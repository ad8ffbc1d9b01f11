"""Categories of a table that are replaced by others."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import Any, ClassVar

from torch import Tensor

from shiftproof.data.labels import MISSING
from shiftproof.data.space import Column
from shiftproof.shifts.tabular.table_edits import TableEdits, codes_of


@dataclass(frozen=True)
class Swapped(TableEdits):
    """In a share of the categorical columns of each row stands another category, as when a form is filled in wrongly.

    Args:
        share: of the row's categorical columns, rounded up, in (0, 1].
        column: only this one, if given.

    Params: (n, k, 2), the columns and which of the other categories; see `Edits`. The average case draws the other category by how frequent
    it is in the table. No value becomes missing.
    """

    name: ClassVar[str] = "swapped"
    what_changes: ClassVar[str] = "categories"

    def can_change(self, column: Column) -> bool:
        return column.kind == "categorical" and len(_known(column)) > 1

    def choices(self, one: Any, place: int) -> int:
        return len(self._others(one, place))

    def _others(self, one: Any, place: int) -> list[int]:
        known = _known(self.space.columns[place])
        return [code for code in known if code != codes_of(one, place)]

    def drawn(self, one: Any, place: int, chance: float) -> int:
        shares = self.space.columns[place].shares
        others = self._others(one, place)
        weights = [shares[code] for code in others] if shares else []
        if sum(weights) <= 0:
            return super().drawn(one, place, chance)
        return next((i for i, sum_ in enumerate(accumulate(weights)) if chance * sum(weights) < sum_), len(others) - 1)

    def changed(self, row: Tensor, place: int, choice: int) -> None:
        row[place] = float(self._others(row, place)[choice])


def _known(column: Column) -> list[int]:
    """The codes of the categories that are values."""
    return [code for code, category in enumerate(column.categories) if category != MISSING]
