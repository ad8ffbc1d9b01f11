"""Numbers of a table that move by robust standard deviations of their column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from shiftproof.shifts.tabular.column_box import ColumnBox
from shiftproof.shifts.tabular.spread import quantiles_of, robust_sd


@dataclass(frozen=True)
class WithinSds(ColumnBox):
    """Every number of a row moves by at most `sds` robust standard deviations of its column.

    Args:
        sds: the largest move, in (0, inf). A robust standard deviation is the distance of the quartiles over 1.349, so outliers do not
            count; where the quartiles are equal it is that of the quantiles 0.05 and 0.95 over 3.290; where these are equal too, the column
            stays as it is.
        rules: as of `within_quantiles`.

    Params: the moved rows, (n, columns); see `ColumnBox`.

    New here: the norm balls of a table measure moves in shares of its range, which one outlier decides.
    """

    name: ClassVar[str] = "within_sds"
    strength: ClassVar[str] = "sds"

    rules: str = ""
    sds: float = 0.25

    @classmethod
    def examples_for_check(cls) -> list[WithinSds]:
        """With rules for the columns of the tables that parts are checked on."""
        return [cls(sds=0.5, rules='{"columns": {"amount": {"move": "down"}}}')]

    def check(self) -> None:
        super().check()
        self.require("sds", within="(0, inf)")

    def ends(self, x: Tensor) -> tuple[Tensor, Tensor]:
        columns, moves = self.space.columns, self.movable.tolist()
        sizes = [robust_sd(quantiles_of(column, self.name)) if move else 0.0 for column, move in zip(columns, moves, strict=True)]
        reach = self.sds * x.new_tensor(sizes)
        return x - reach, x + reach
