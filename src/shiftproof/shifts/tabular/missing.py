"""Values of a table that are missing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from shiftproof.data.space import Column, InputSpace, SpaceWithGaps
from shiftproof.shifts.tabular.table_edits import TableEdits, missing_code


@dataclass(frozen=True)
class Missing(TableEdits):
    """A share of the values in each row is missing, each as likely as another; or the whole of one column.

    Args:
        share: of the row's values, rounded up, in (0, 1].
        column: only this column's values are, in every row; `share` then says nothing.

    Params: (n, k, 2), which columns of each row; see `Edits`. A missing value is the column's category "(missing)", or its mark, where the
    data have one, else NaN; so it needs a model that takes missing values, which a run tries first.

    Example:
        >>> import torch
        >>> from shiftproof.data.space import Column, InputSpace
        >>> space = InputSpace(kind="table", columns=(Column("age", "integer", 18, 98), Column("income", "real", 0, 1000)))
        >>> shift = Missing(column="age").within(space)
        >>> shift.apply(torch.tensor([[40.0, 300.0]]), torch.tensor([[[0.0, 0.0]]]))
        tensor([[ nan, 300.]])
    """

    name: ClassVar[str] = "missing"
    demands: ClassVar[str] = "missing values"
    what_changes: ClassVar[str] = "every value"

    @property
    def fixed(self) -> bool:
        return bool(self.column)

    def can_change(self, column: Column) -> bool:
        return True

    def choices(self, one: Any, place: int) -> int:
        return 1

    def landing(self, space: Any) -> Any:
        return SpaceWithGaps.of(space) if isinstance(space, InputSpace) else space

    def changed(self, row: Tensor, place: int, choice: int) -> None:
        column = self.space.columns[place]
        marks = [i for i, other in enumerate(self.space.columns) if other.marks == column.name]
        code = missing_code(column) if column.kind == "categorical" else None
        if marks:
            row[marks[0]] = 1.0
        else:
            row[place] = math.nan if code is None else code
