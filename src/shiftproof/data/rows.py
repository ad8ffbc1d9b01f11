"""Rows of inputs or of truths: a tensor is one; `Items` holds texts and other objects, `Fields` several columns side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from shiftproof._errors import must, unknown

if TYPE_CHECKING:
    import torch

T = TypeVar("T")
R = TypeVar("R", bound="RowsOfData")


class RowsOfData(Protocol):
    """n inputs or n truths, one per row. A `torch.Tensor` is one."""

    @property
    def device(self) -> torch.device:
        """Where they lie."""
        ...

    def to(self: R, device: Any, /) -> R:
        """The same there."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self: R, rows: Any, /) -> R: ...


class Items(Generic[T]):
    """n objects of one kind, such as texts. Rows are taken by a slice, a mask or indices, of numpy or torch.

    >>> texts = Items(["a", "b", "c"])
    >>> [*texts[np.array([2, 0])]], len(texts[:2])
    (['c', 'a'], 2)
    """

    def __init__(self, values: Iterable[T]) -> None:
        self._rows = as_objects(values)

    @property
    def device(self) -> torch.device:
        """The CPU: what a model makes of objects is its own matter."""
        import torch

        return torch.device("cpu")

    def to(self, device: object, /) -> Items[T]:
        """Itself."""
        del device
        return self

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[T]:
        return iter(self._rows.tolist())

    def __getitem__(self, rows: Any, /) -> Items[T]:
        taken: Items[T] = Items(())
        taken._rows = self._rows[_places(rows)]
        return taken

    def __repr__(self) -> str:
        return f"Items({self._rows.tolist()!r})"


class KeptText(str):
    """A text with parts that no edit may change, such as the answer in its context.

    Args:
        text: the whole.
        kept: where each of the parts begins and ends.

    >>> KeptText("The cat sat.", [(4, 7)]).kept
    ((4, 7),)
    """

    __slots__ = ("kept",)
    kept: tuple[tuple[int, int], ...]

    def __new__(cls, text: str, kept: Iterable[tuple[int, int]]) -> KeptText:
        made = super().__new__(cls, text)
        made.kept = tuple((int(start), int(end)) for start, end in kept)
        return made

    def __reduce__(self) -> tuple[type[KeptText], tuple[str, tuple[tuple[int, int], ...]]]:
        return KeptText, (str(self), self.kept)


class Fields:
    """Several columns side by side, such as an image and a question about it; each is rows of its own, all of one length.

    Args:
        columns: by name; a list becomes `Items`, and an array a tensor.

    >>> both = Fields(question=["What is it?", "How many?"], context=["A cat.", "Two."])
    >>> [*both[1:]["question"]]
    ['How many?']
    """

    def __init__(self, **columns: Any) -> None:
        if not columns:
            raise must("columns", "Fields", "be at least one", 0, "Write Fields(image=x, question=q).")
        self.columns: Mapping[str, Any] = {name: rows_of(column) for name, column in columns.items()}
        lengths = {name: len(column) for name, column in self.columns.items()}
        if len(set(lengths.values())) > 1:
            raise must("columns", "Fields", "have one length", lengths)

    @property
    def device(self) -> torch.device:
        """Where the first column lies that is a tensor; else the CPU."""
        import torch

        return next((column.device for column in self.columns.values() if isinstance(column, torch.Tensor)), torch.device("cpu"))

    def to(self, device: Any, /) -> Fields:
        """Every column there."""
        return Fields(**{name: column.to(device) for name, column in self.columns.items()})

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __getitem__(self, rows: Any, /) -> Any:
        """The named column, or the rows at a slice, a mask or indices."""
        if isinstance(rows, str):
            if rows not in self.columns:
                raise unknown("field", rows, self.columns)
            return self.columns[rows]
        return Fields(**{name: column[rows] for name, column in self.columns.items()})

    def but(self, **changed: Any) -> Fields:
        """The same with these columns in place of its own."""
        return Fields(**{**self.columns, **changed})


def as_objects(values: Iterable[Any]) -> npt.NDArray[Any]:
    """An array of objects, shape (n,)."""
    rows = list(values)
    held: npt.NDArray[Any] = np.empty(len(rows), dtype=object)
    for place, row in enumerate(rows):  # not at once: numpy would take tuples of one length for a second dimension
        held[place] = row
    return held


def plain(rows: Any) -> Any:
    """Rows as functions of users take them: lists, numpy arrays, and a dictionary of such for fields.

    >>> plain(Fields(question=["Why?"], number=np.ones(1)))
    {'question': ['Why?'], 'number': array([1.])}
    """
    import torch

    if isinstance(rows, Fields):
        return {name: plain(column) for name, column in rows.columns.items()}
    return rows.detach().cpu().numpy().copy() if isinstance(rows, torch.Tensor) else [*rows]


def rows_of(values: Any) -> Any:
    """Values as rows: lists and arrays of objects or words become `Items`, other arrays tensors; rows stay as they are."""
    import torch

    if isinstance(values, torch.Tensor | Items | Fields):
        return values
    if isinstance(values, np.ndarray) and values.dtype.kind in "fiub":
        return torch.from_numpy(values.copy())
    return Items(values)


def _places(rows: Any) -> Any:
    import torch

    return rows.cpu().numpy() if isinstance(rows, torch.Tensor) else rows


def bytes_of(rows: Any) -> int:
    """About how much memory some rows take."""
    import torch

    if isinstance(rows, Fields):
        return sum(map(bytes_of, rows.columns.values()))
    return rows.numel() * rows.element_size() if isinstance(rows, torch.Tensor) else sum(len(str(one)) for one in rows)


def most_rows(rows: Any, most: int) -> int:
    """How many rows like the first of these take up to `most` bytes; at least one."""
    return max(1, most // max(1, bytes_of(rows[:1])))


def one_by_one(x: Any) -> list[Any]:
    """The inputs of rows one by one: an object, or of `Fields` a row of length 1.

    >>> one_by_one(Items(["a", "b"])), len(one_by_one(Fields(q=["a", "b"])))
    (['a', 'b'], 2)
    """
    return [x[place : place + 1] for place in range(len(x))] if isinstance(x, Fields) else [*x]
