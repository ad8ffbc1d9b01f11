"""Where examples come from, lazily and in batches: labels, names and groups are cheap, inputs are loaded when asked for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from shiftproof._errors import UsageError
from shiftproof.data.examples import Examples, Ids
from shiftproof.data.rows import most_rows
from shiftproof.data.space import InputSpace, TextSpace

READ_BYTES = 2**24
"""Inputs that are read at a time where all are looked at once."""


class Source(ABC):
    """A finite, ordered set of labelled examples."""

    @property
    @abstractmethod
    def uri(self) -> str:
        """Its name in reports."""

    @property
    @abstractmethod
    def space(self) -> Any:
        """The legal inputs, a `Space`."""

    @property
    @abstractmethod
    def ids(self) -> Ids:
        """The examples' names, unique, shape (n,)."""

    @property
    @abstractmethod
    def y(self) -> npt.NDArray[Any]:
        """The truths, shape (n,): labels as int64, numbers to predict as floats, or tuples of accepted texts as objects."""

    @property
    def labelled(self) -> bool:
        """Whether its truths are labels of classes."""
        return self.y.dtype.kind == "i"

    def require_classes(self, owner: str, *, texts: bool = False) -> None:
        """Raises `UsageError` where the inputs are not numbers, or texts where `owner` takes those too, or the truths not labels."""
        if not isinstance(self.space, InputSpace) and not (texts and isinstance(self.space, TextSpace)):
            raise UsageError(f"{owner} takes inputs of numbers, and those of '{self.uri}' are of kind '{self.space.kind}'. Use audit.")
        if not self.labelled:
            raise UsageError(f"{owner} takes labels of classes, and '{self.uri}' has none. Use audit with a --judge.")

    @property
    def class_names(self) -> tuple[str, ...]:
        """What the classes are called, in label order; empty where unknown."""
        return ()

    @property
    def groups(self) -> Mapping[str, npt.NDArray[np.str_]]:
        """Per group column, one value per example."""
        return {}

    @property
    def notes(self) -> tuple[str, ...]:
        """Decisions made automatically, shown in the report ("the box [0, 1] comes from uint8 pixels")."""
        return ()

    @property
    def named(self) -> bool:
        """True where `ids` are the examples' own names; False where they count rows, so that equal ids need not mean equal examples."""
        return True

    @abstractmethod
    def fingerprint(self) -> str:
        """A string that changes when any example changes."""

    @abstractmethod
    def take(self, rows: slice | npt.NDArray[np.intp]) -> Examples:
        """The examples at `rows`, inputs loaded. The tensors are the caller's own."""

    def __len__(self) -> int:
        return len(self.ids)

    def batches(self, size: int, start: int = 0, stop: int | None = None) -> Iterator[Examples]:
        """The examples from `start` to `stop` in order, `size` at a time, or fewer where so many inputs take more than `READ_BYTES`."""
        end = len(self) if stop is None else min(stop, len(self))
        if start < end:
            size = min(size, most_rows(self.take(slice(start, start + 1)).x, READ_BYTES))
        for low in range(start, end, size):
            yield self.take(slice(low, min(low + size, end)))


class Wrapped(Source):
    """A source seen through another: everything is passed on, except what a subclass changes."""

    def __init__(self, inner: Source) -> None:
        self.inner = inner

    @property
    def uri(self) -> str:
        return self.inner.uri

    @property
    def space(self) -> Any:
        return self.inner.space

    @property
    def ids(self) -> Ids:
        return self.inner.ids

    @property
    def y(self) -> npt.NDArray[Any]:
        return self.inner.y

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.inner.class_names

    @property
    def groups(self) -> Mapping[str, npt.NDArray[np.str_]]:
        return self.inner.groups

    @property
    def notes(self) -> tuple[str, ...]:
        return self.inner.notes

    @property
    def named(self) -> bool:
        return self.inner.named

    def fingerprint(self) -> str:
        return self.inner.fingerprint()

    def take(self, rows: slice | npt.NDArray[np.intp]) -> Examples:
        return self.inner.take(rows)


class Renamed(Wrapped):
    """A source under another name."""

    def __init__(self, inner: Source, uri: str) -> None:
        super().__init__(inner)
        self._uri = uri

    @property
    def uri(self) -> str:
        return self._uri
