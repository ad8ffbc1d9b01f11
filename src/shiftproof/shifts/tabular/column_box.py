"""Moves of a table's numbers inside a box around each row, under the rules of its columns."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor

from shiftproof._errors import UsageError, unknown
from shiftproof.data.space import Kind
from shiftproof.randomness import Rng
from shiftproof.shifts.abstract import Differentiable, Params
from shiftproof.shifts.tabular.rules import ColumnRule, Rules, canonical, parse
from shiftproof.shifts.tabular.table_edits import columns_of

B = TypeVar("B", bound="ColumnBox")
_HALVINGS = 60
_FAR = 10.0
"""Times the widths of the box by which a wish may lie outside of it; beyond, rounding would spoil sums."""


@dataclass(frozen=True)
class ColumnBox(Differentiable):
    """Every number of a row may move to the ends that a subclass says, `ends`, and no further than its rules allow.

    Params are the moved rows, shape (n, columns). Categories, one-hot blocks and columns whose values are missing stay as they are; whole
    numbers stay whole. Where columns have a sum (rule `sums`), it stays what it is.
    """

    kinds: ClassVar[frozenset[Kind]] = frozenset({"table"})

    rules: str = ""

    def check(self) -> None:
        object.__setattr__(self, "rules", canonical(self.rules))
        parse(self.rules)

    @abstractmethod
    def ends(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The least and greatest value of each column before any rule, shape of x, float64."""

    def within(self: B, space: Any) -> B:
        placed = super().within(space)
        names, rules = columns_of(space, self.name), parse(placed.rules)
        for name in rules.named():
            if name not in names:
                raise unknown(f"column in the rules of {self.name}:", name, names)
        if not bool(placed.movable.any()):
            raise UsageError(f"{self.name} moves numbers, and no number of this table can move. Its data must be loaded from a table.")
        kinds = [{space.columns[i].kind for i in columns.tolist()} for columns in placed.summed]
        if any(len(kind) > 1 or "categorical" in kind for kind in kinds):
            raise UsageError(f"A sum in the rules of {self.name} must be of whole numbers only, or of other numbers only.")
        return placed

    @cached_property
    def _rules(self) -> Rules:
        return parse(self.rules)

    @cached_property
    def movable(self) -> Tensor:
        """Which columns can move, shape (columns,)."""
        still = {name for block in self._rules.blocks.values() for name in block.columns}
        still |= {name for name, rule in self._rules.columns.items() if rule.move == "fixed"}
        return torch.tensor([c.kind != "categorical" and c.name not in still and c.low < c.high for c in self.space.columns])

    @cached_property
    def summed(self) -> list[Tensor]:
        """The places of the columns of each sum."""
        names = [column.name for column in self.space.columns]
        return [torch.tensor([names.index(name) for name in columns]) for columns in self._rules.sums.values()]

    @cached_property
    def _marks(self) -> list[tuple[int, int]]:
        """Each marked column with its mark."""
        names = [column.name for column in self.space.columns]
        return [(names.index(column.marks), i) for i, column in enumerate(self.space.columns) if column.marks]

    def reach(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The least and greatest legal value of each column, shape of x, float64."""
        here = x.detach().double().cpu()
        low, high = self.ends(here)
        columns = self.space.columns
        rules = [self._rules.columns.get(column.name, ColumnRule()) for column in columns]
        low = low.maximum(here.new_tensor([max(c.low, r.low) for c, r in zip(columns, rules, strict=True)]))
        high = high.minimum(here.new_tensor([min(c.high, r.high) for c, r in zip(columns, rules, strict=True)]))
        up, down = (torch.tensor([rule.move == way for rule in rules]) for way in ("up", "down"))
        still = (~self.movable).expand(here.shape).clone()
        for place, mark in self._marks:
            still[:, place] |= here[:, mark] > 0
        low, high = torch.where(up | still, here, low.minimum(here)), torch.where(down | still, here, high.maximum(here))
        whole = torch.tensor([column.kind == "integer" for column in columns])
        return torch.where(whole, low.ceil(), low), torch.where(whole, high.floor(), high)

    def origin(self, x: Tensor) -> Params:
        return x.clone()

    def sample(self, x: Tensor, rng: Rng) -> Params:
        low, high = self.reach(x)
        return self.project(x, (low + (high - low) * rng.uniform(x.shape[1]).double()).to(x))

    def project(self, x: Tensor, params: Params) -> Params:
        low, high = self.reach(x)
        here, wish = x.detach().double().cpu(), params.detach().double().cpu()
        row = wish.where(~wish.isnan(), here).maximum(low).minimum(high)
        for columns in self.summed:
            ends, total = (low[:, columns], high[:, columns]), here[:, columns].sum(1, keepdim=True)
            room = _FAR * (ends[1] - ends[0]).sum(1, keepdim=True)
            row[:, columns] = _onto_sum(wish.where(~wish.isnan(), here)[:, columns].clamp(ends[0] - room, ends[1] + room), *ends, total)
        return row.to(params)

    def apply(self, x: Tensor, params: Params) -> Tensor:
        moved = self.space.settle(x, params.to(x))
        for columns in self.summed:
            if self.space.columns[int(columns[0])].kind == "integer":
                moved = _balanced(x, moved, columns)
        return moved

    def excess(self, x: Tensor, params: Params) -> Tensor:
        row, low, high = params.detach().double().cpu(), *self.reach(x)
        width = x.new_tensor([max(c.high - c.low, 1e-12) for c in self.space.columns]).double().cpu()
        outside = (torch.maximum(low - row, row - high) / width).amax(1)
        here = x.detach().double().cpu()
        for columns in self.summed:
            off = (row[:, columns].sum(1) - here[:, columns].sum(1)).abs() / width[columns].sum()
            outside = outside.maximum(off)
        return outside.to(x.device)

    def ascend(self, params: Params, gradient: Tensor, step: float) -> Params:
        low, high = self.reach(params)
        return params + step * ((high - low) / 2).to(params) * gradient.sign()


def _onto_sum(row: Tensor, low: Tensor, high: Tensor, total: Tensor) -> Tensor:
    """The nearest rows in the box whose sum is `total`: clamp(row - t) with the t that gives it, found by halving."""
    least, most = (row - high).amin(1, keepdim=True), (row - low).amax(1, keepdim=True)
    for _ in range(_HALVINGS):
        middle = (least + most) / 2
        above = (row - middle).maximum(low).minimum(high).sum(1, keepdim=True) > total
        least, most = torch.where(above, middle, least), torch.where(above, most, middle)
    return (row - (least + most) / 2).maximum(low).minimum(high)


def _balanced(x: Tensor, moved: Tensor, columns: Tensor) -> Tensor:
    """The moved rows with the sum of these columns as it was, after whole numbers were rounded towards x: the longest moves are cut."""
    made, start = moved.clone(), x[:, columns]
    part = made[:, columns].detach()
    for _ in range(len(columns)):
        off = part.sum(1) - start.sum(1)
        step = part - start
        size = torch.where(step.sign() == off.sign()[:, None], step.abs(), torch.zeros_like(step))
        longest = size.argmax(1, keepdim=True)
        cut = torch.minimum(size.gather(1, longest), off.abs()[:, None])
        part = part.scatter_add(1, longest, -off.sign()[:, None] * cut)
    made[:, columns] = made[:, columns] + (part - made[:, columns]).detach()
    return made
