"""One column of a table that has moved as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from shiftproof._errors import UsageError, unknown
from shiftproof.data.space import Kind
from shiftproof.shifts.abstract import Boxed, Params
from shiftproof.shifts.tabular.spread import quantiles_of, robust_sd
from shiftproof.shifts.tabular.table_edits import columns_of


@dataclass(frozen=True)
class ColumnDrift(Boxed):
    """Every number of one column is `by` robust standard deviations higher, as after a change of units, prices or a sensor.

    Args:
        column: its name, in quotes where it is more than letters: ``drift(column='education-num')``.
        by: robust standard deviations (see `within_sds`), below 0 for lower.

    Params: (n, 1), all `by`: there is one move. Values stop at the ends of the column's range, and whole numbers stay whole. A value that
    is missing stays so.
    """

    name: ClassVar[str] = "drift"
    kinds: ClassVar[frozenset[Kind]] = frozenset({"table"})

    column: str
    by: float = 1.0

    @classmethod
    def examples_for_check(cls) -> list[ColumnDrift]:
        """On columns of the tables that parts are checked on."""
        return [cls("amount"), cls("rooms", by=-2.0)]

    def check(self) -> None:
        self.require("by", within="(-inf, inf)")

    def within(self, space: Any) -> ColumnDrift:
        placed = super().within(space)
        names = columns_of(space, self.name)
        if self.column not in names:
            raise unknown(f"column in {self.name}", self.column, names)
        if space.columns[placed.place].kind == "categorical":
            raise UsageError(f"drift moves numbers, and the column '{self.column}' holds categories. Use swapped(column={self.column!r}).")
        if placed.size == 0:
            raise UsageError(
                f"Nine tenths of the column '{self.column}' are one value, so it has no spread to drift by. Use within_quantiles."
            )
        return placed

    @property
    def place(self) -> int:
        """Where the column is."""
        return [column.name for column in self.space.columns].index(self.column)

    @property
    def size(self) -> float:
        """Its robust standard deviation."""
        return robust_sd(quantiles_of(self.space.columns[self.place], self.name))

    @property
    def smooth(self) -> bool:
        return False

    def limits(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return (self.by,), (self.by,)

    def apply(self, x: Tensor, params: Params) -> Tensor:
        wish = x.clone()
        wish[:, self.place] = x[:, self.place] + params[:, 0].to(x) * self.size
        moved = self.space.settle(x, wish)
        for mark, column in enumerate(self.space.columns):
            if column.marks == self.column:
                moved = torch.where((x[:, mark] > 0)[:, None], x, moved)
        return moved
