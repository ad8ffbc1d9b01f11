"""Legal inputs: the box, its units, and for tables the columns. The user or the source declares them; nothing is guessed silently."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from shiftproof._errors import must

if TYPE_CHECKING:
    import torch

Kind = Literal["image", "table", "vector"]
ColumnKind = Literal["real", "integer", "categorical"]
Box = tuple[float, float]
"""Least and greatest legal value of every feature."""


@dataclass(frozen=True)
class Column:
    """One column of a table. A categorical column holds codes 0..k-1 into `categories`; only those may occur.

    Args:
        name: as in the table.
        kind: what its numbers are.
        low: least legal value.
        high: greatest legal value.
        categories: names of the codes.
        marks: the column of numbers whose missing values this one marks with 1; the number that stands there means nothing.
        written: the name in the table itself, where it has spaces around it that `name` lacks.
        values: what each category is in the table itself (words, numbers, truth values, or the missing value); empty where unknown.
        dtype: the pandas type that holds the column; None where unknown.
    """

    name: str
    kind: ColumnKind
    low: float
    high: float
    categories: tuple[str, ...] = ()
    marks: str = ""
    written: str = field(default="", compare=False)
    values: tuple[object, ...] = field(default=(), compare=False)
    dtype: object = field(default=None, compare=False)


@dataclass(frozen=True)
class InputSpace:
    """The set of legal inputs.

    Args:
        low: least legal value, the same for every feature unless `columns` are given.
        high: greatest legal value.
        kind: "image" is (n, channels, height, width); "table" is (n, columns); "vector" is any other shape.
        units: what a number means, for messages and reports.
        columns: for tables, one entry per column; their own ranges replace `low` and `high`.

    Sizes of moves (`eps`) are in the units of the box. For tables, whose columns differ in range, they are shares of each column's range.
    """

    low: float = 0.0
    high: float = 1.0
    kind: Kind = "vector"
    units: str = "[0, 1]"
    columns: tuple[Column, ...] = ()

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise must("box", "the data", "have low < high", [self.low, self.high], "Declare it as --box 0,1")

    @property
    def width(self) -> float:
        """The largest move that can mean anything: the box's width in the units of `eps`."""
        return 1.0 if self.columns else self.high - self.low

    @property
    def bounded(self) -> bool:
        return math.isfinite(self.low) and math.isfinite(self.high)

    def bounds(self, x: torch.Tensor) -> tuple[torch.Tensor | float, torch.Tensor | float]:
        """Least and greatest legal value, broadcastable against x of shape (n, ...)."""
        if not self.columns:
            return self.low, self.high
        return x.new_tensor([c.low for c in self.columns]), x.new_tensor([c.high for c in self.columns])

    def clip(self, x: torch.Tensor) -> torch.Tensor:
        """The nearest legal input, feature by feature."""
        low, high = self.bounds(x)
        return x.clamp(low, high)  # type: ignore[arg-type]  # torch's stub has no mixed overload

    def scale(self, x: torch.Tensor) -> torch.Tensor | float:
        """Units of x in one unit of `eps`: 1 for a box, each movable column's range for a table, 0 for a categorical column."""
        if not self.columns:
            return 1.0
        return x.new_tensor([0.0 if c.kind == "categorical" else c.high - c.low for c in self.columns])

    def settle(self, x: torch.Tensor, moved: torch.Tensor) -> torch.Tensor:
        """Makes `moved` legal: inside the box, and whole where a column holds integers (rounded towards x, so no move grows).

        A step that is whole but for rounding is whole: 1/41 of a range of 41 is one. Gradients pass as if nothing were rounded, so a
        search sees which way an integer column should go.
        """
        moved = self.clip(moved)
        if not any(c.kind == "integer" for c in self.columns):
            return moved
        import torch

        integer = x.new_tensor([c.kind == "integer" for c in self.columns], dtype=torch.bool)
        step = moved - x
        nearest = step.detach().round()
        whole = nearest.where(
            (step.detach() - nearest).abs() <= 2 * torch.finfo(x.dtype).eps * (x.abs() + moved.detach().abs()), step.detach().trunc()
        )
        return torch.where(integer, x + whole + (step - step.detach()), moved)


UNIT_BOX = InputSpace()


def boxed(box: Box, kind: Kind = "vector") -> InputSpace:
    """The space of inputs between box[0] and box[1], its units written out.

    >>> boxed((0, 255), "image").units
    '[0, 255]'
    """
    match box:
        case (int() | float() as low, int() | float() as high):
            return InputSpace(float(low), float(high), kind, f"[{low:g}, {high:g}]")
        case _:
            raise must("box", "the data", "be a pair of numbers", box, "Declare it as --box 0,1 (box=(0, 1) in Python).")
