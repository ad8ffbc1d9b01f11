"""Legal inputs: the box, its units, and for tables the columns. The user or the source declares them; nothing is guessed silently."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from shiftproof._errors import UsageError, must, unknown
from shiftproof._printable import figure

if TYPE_CHECKING:
    import torch

Kind = str
"""What inputs are: "image", "table", "vector", "text", "text+text" (fields), or a word of a user's own."""
ColumnKind = Literal["real", "integer", "categorical"]
ValueRange = tuple[float, float]
UNIT: ValueRange = (0.0, 1.0)
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
        dtype: the pandas type that holds the column, or how it holds dates; None where unknown.
        quantiles: 101 quantiles of the observed numbers, from the least to the greatest; empty where unknown.
        shares: how frequent each category is in the observed table; empty where unknown.
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
    quantiles: tuple[float, ...] = field(default=(), compare=False)
    shares: tuple[float, ...] = field(default=(), compare=False)

    def said(self, value: float) -> str:
        """A value as people read it.

        >>> Column("age", "integer", 0, 99).said(41.0), Column("sex", "categorical", 0, 1, ("f", "m")).said(1.0)
        ('41', 'm')
        """
        return self.categories[int(value)] if value in range(len(self.categories)) else figure(value)


class Space(ABC):
    """A set of legal inputs: what the door, the look before a run and the data card ask of it."""

    kind: Kind
    units: str

    @abstractmethod
    def check(self, x: Any, names: Any) -> None:
        """Raises `UsageError` where an input is not legal, naming the first by its entry in `names`, shape (n,)."""

    @abstractmethod
    def holds(self, x: Any, moved: Any) -> bool:
        """Whether `moved` are as many legal inputs, of the form of x."""

    def card(self) -> Mapping[str, Any]:
        """What a record says of it beside its kind and units: `low`, `high` and `columns`, where it has them."""
        return {}


@dataclass(frozen=True)
class InputSpace(Space):
    """The set of legal inputs that are numbers.

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

    def check(self, x: torch.Tensor, names: Any) -> None:
        if not bool(x.isfinite().all()):
            bad = (~x.flatten(1).isfinite().all(1)).nonzero()[:, 0]
            raise UsageError(
                f"The inputs contain NaN or infinity in {len(bad)} of {len(x)} examples, first in '{names[int(bad[0])]}'. "
                "Remove or impute them."
            )
        low, high = self.bounds(x)
        outside = ((x < low) | (x > high)).flatten(1).any(1)
        if bool(outside.any()):
            raise UsageError(
                f"{int(outside.sum())} of {len(x)} inputs lie outside the box {self.units}: values run from {float(x.min()):.4g} to "
                f"{float(x.max()):.4g}. "
                "Declare the box that the inputs are in, for example --box 0,255 (box=(0, 255) in Python)."
            )

    def holds(self, x: torch.Tensor, moved: torch.Tensor) -> bool:
        low, high = self.bounds(x)
        return moved.shape == x.shape and not bool(((moved < low) | (moved > high) | moved.isnan()).any())

    def card(self) -> Mapping[str, Any]:
        if self.columns:
            return {"columns": [column.name for column in self.columns]}
        return {"low": self.low, "high": self.high} if self.bounded else {}


@dataclass(frozen=True)
class SpaceWithGaps(InputSpace):
    """Where a shift leads that makes values missing: the same space, and NaN too. It is never the space of data."""

    @classmethod
    def of(cls, space: InputSpace) -> SpaceWithGaps:
        """This space, with gaps."""
        return cls(space.low, space.high, space.kind, space.units, space.columns)

    def holds(self, x: torch.Tensor, moved: torch.Tensor) -> bool:
        low, high = self.bounds(x)
        return moved.shape == x.shape and not bool(((moved < low) | (moved > high)).any())


@dataclass(frozen=True)
class TextSpace(Space):
    """The set of legal texts: none is empty, and none is longer than `longest` characters."""

    longest: int = 1_000_000
    kind: Kind = "text"
    units: str = "characters"

    def check(self, x: Any, names: Any) -> None:
        for name, text in zip(names, x, strict=True):
            if not isinstance(text, str):
                raise must("text", f"the example '{name}'", "be a text", type(text).__name__)
            if not text.strip():
                raise must("text", f"the example '{name}'", "not be empty", text, "Fill it or drop that row.")
            if len(text) > self.longest:
                raise must("text", f"the example '{name}'", f"have at most {self.longest} characters", len(text))

    def holds(self, x: Any, moved: Any) -> bool:
        return len(moved) == len(x) and all(isinstance(text, str) and 0 < len(text) <= self.longest for text in moved)


@dataclass(frozen=True)
class FieldsSpace(Space):
    """Inputs of several fields, each in a space of its own, by name."""

    fields: tuple[tuple[str, Space], ...]

    @property
    def kind(self) -> Kind:  # type: ignore[override]  # made of those of its fields
        """The kinds of its fields."""
        return "+".join(space.kind for _, space in self.fields)

    @property
    def units(self) -> str:  # type: ignore[override]
        """The units of its fields."""
        return ", ".join(f"{name}: {space.units}" for name, space in self.fields)

    def of(self, name: str) -> Space:
        """The space of one field; an unknown name lists the nearest."""
        found = dict(self.fields)
        if name not in found:
            raise unknown("field of the inputs", name, found)
        return found[name]

    def check(self, x: Any, names: Any) -> None:
        for name, space in self.fields:
            space.check(x[name], names)

    def holds(self, x: Any, moved: Any) -> bool:
        return list(moved.columns) == list(x.columns) and all(space.holds(x[name], moved[name]) for name, space in self.fields)

    def card(self) -> Mapping[str, Any]:
        return {"columns": [name for name, _ in self.fields]}


UNIT_BOX = InputSpace()


def boxed(box: ValueRange, kind: Kind = "vector") -> InputSpace:
    """The space of inputs between box[0] and box[1], its units written out.

    >>> boxed((0, 255), "image").units
    '[0, 255]'
    """
    match box:
        case (int() | float() as low, int() | float() as high):
            return InputSpace(float(low), float(high), kind, f"[{low:g}, {high:g}]")
        case _:
            raise must("box", "the data", "be a pair of numbers", box, "Declare it as --box 0,1 (box=(0, 1) in Python).")
