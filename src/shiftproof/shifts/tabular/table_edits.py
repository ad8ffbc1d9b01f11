"""Moves of a table's rows that are a few changed values, such as a missing value: an edit is (column, choice)."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor

from shiftproof._errors import UsageError, unknown
from shiftproof.data.space import Column, InputSpace, Kind
from shiftproof.shifts.abstract import Params
from shiftproof.shifts.edits import Edit, Edits, edits_of

T = TypeVar("T", bound="TableEdits")


@dataclass(frozen=True)
class TableEdits(Edits):
    """A share of the values in each row, rounded up and at least one, each changed to one of a few other values.

    Args:
        share: of the columns that can change, in (0, 1].
        column: only this one, if given.

    A subclass says which columns can change, `can_change`, how many other values each has, `choices`, and what they are, `changed`.
    """

    kinds: ClassVar[frozenset[Kind]] = frozenset({"table"})
    strength: ClassVar[str] = "share"

    edits: int = field(default=1, init=False, repr=False)
    share: float = 0.1
    column: str = ""

    def check(self) -> None:
        self.require("share", within="(0, 1]")
        if self.space.columns:
            object.__setattr__(self, "edits", max(1, math.ceil(self.share * len(self.places(None)) - 1e-9)))

    @abstractmethod
    def can_change(self, column: Column) -> bool:
        """Whether values of this column can change."""

    @abstractmethod
    def changed(self, row: Tensor, place: int, choice: int) -> None:
        """Changes the value at `place` of `row`, shape (columns,), in place."""

    def within(self: T, space: Any) -> T:
        placed = super().within(space)
        names = columns_of(space, self.name)
        if self.column and self.column not in names:
            raise unknown(f"column in {self.name}", self.column, names)
        if not placed.places(None):
            what = f"the column '{self.column}'" if self.column else "no column of this table"
            raise UsageError(f"{self.name} changes {self.what_changes}, and {what} {'is none' if self.column else 'holds any'}.")
        return placed

    what_changes: ClassVar[str] = "values"
    """What it changes, for messages."""

    def places(self, one: Any) -> list[int]:
        return list(self._places)

    @cached_property
    def _places(self) -> list[int]:
        columns = self.space.columns
        return [i for i, c in enumerate(columns) if not c.marks and self.column in ("", c.name) and self.can_change(c)]

    def edited(self, one: Tensor, edits: list[Edit]) -> Tensor:
        row = one.clone()
        for place, choice in edits:
            self.changed(row, place, choice)
        return row

    def apply(self, x: Tensor, params: Params) -> Tensor:
        moved = x.clone()
        for row, move in enumerate(params.tolist()):
            for place, choice in edits_of(move):
                self.changed(moved[row], place, choice)
        return moved


def columns_of(space: InputSpace, name: str) -> Sequence[str]:
    """The names of a table's columns; raises `UsageError` where it declares none."""
    if not space.columns:
        raise UsageError(f"{name} needs the table's columns. Load the data with a source that declares them.")
    return [column.name for column in space.columns if not column.marks]


def missing_code(column: Column) -> float | None:
    """The code of a categorical column's missing value, where it has one."""
    from shiftproof.data.labels import MISSING

    return float(column.categories.index(MISSING)) if MISSING in column.categories else None


def codes_of(one: Tensor, place: int) -> int:
    """The category of a row at a place; -1 where its value is missing."""
    value = one[place]
    return -1 if bool(torch.isnan(value)) else round(float(value))
