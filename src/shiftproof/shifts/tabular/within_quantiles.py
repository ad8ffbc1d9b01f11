"""Numbers of a table that move by a share of the ranks of their column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof.shifts.tabular.column_box import ColumnBox
from shiftproof.shifts.tabular.spread import quantiles_of, rank_of, value_at


@dataclass(frozen=True)
class WithinQuantiles(ColumnBox):
    """Every number of a row moves by at most `share` in rank: between the quantiles F(x) - share and F(x) + share of its column.

    Args:
        share: of the table's rows that a number may pass, in (0, 1). Of a frequent value F is the middle of its ranks, so that a capital
            gain of 0, which most people have, stays 0 unless `share` is half of theirs.
        rules: JSON, or a .toml or .json file: per column `move` ("any", "up", "down", "fixed"), `low` and `high`; one-hot `blocks`, which
            stay; and `sums`, lists of columns whose sum stays. As of `tabular`, without costs.

    Params: the moved rows, (n, columns); see `ColumnBox`. Quantiles are those of the table that was read, at a resolution of 1 %.

    Example:
        >>> import torch
        >>> from shiftproof.data.space import Column, InputSpace
        >>> gains = Column("gain", "integer", 0, 100, quantiles=tuple([0.0] * 91 + [10.0 * i for i in range(1, 11)]))
        >>> ages = Column("age", "integer", 0, 100, quantiles=tuple(map(float, range(101))))
        >>> shift = WithinQuantiles(share=0.05).within(InputSpace(kind="table", columns=(gains, ages)))
        >>> x = torch.tensor([[0.0, 40.0]])
        >>> shift.apply(x, shift.project(x, torch.tensor([[90.0, 90.0]])))
        tensor([[ 0., 45.]])

    New here: the norm balls of a table measure moves in shares of its range, which one outlier decides.
    """

    name: ClassVar[str] = "within_quantiles"
    strength: ClassVar[str] = "share"

    rules: str = ""
    share: float = 0.05

    @classmethod
    def examples_for_check(cls) -> list[WithinQuantiles]:
        """Without rules, and with one of each kind for the columns of the tables that parts are checked on."""
        some = '{"columns": {"rooms": {"move": "up", "high": 8}}, "sums": {"money": ["amount", "balance"]}}'
        return [cls(share=0.1), cls(share=0.2, rules=some)]

    def check(self) -> None:
        super().check()
        self.require("share", within="(0, 1)")

    def ends(self, x: Tensor) -> tuple[Tensor, Tensor]:
        low, high = x.clone(), x.clone()
        for place in self.movable.nonzero()[:, 0].tolist():
            known = quantiles_of(self.space.columns[place], self.name)
            rank = rank_of(x[:, place].numpy(), known)
            low[:, place] = torch.from_numpy(value_at(rank - self.share, known))
            high[:, place] = torch.from_numpy(value_at(rank + self.share, known))
        return low, high
