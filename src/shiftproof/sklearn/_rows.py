"""The features of a sample, in memory or read in chunks, and the products with them that a solver needs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import overload

import numpy as np
import numpy.typing as npt

from shiftproof._arrays import Bools, Floats
from shiftproof._errors import must

ROWS = 1024
"""Rows that are copied at a time to compute a Gram matrix."""
WIDE = 64
"""With more features than this, using the symmetry of a Gram matrix is faster."""


@dataclass(frozen=True, eq=False)
class Rows(ABC):
    """X of shape (n, d), read as float64."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int]:
        """(n, d)."""

    @abstractmethod
    def blocks(self, needed: Bools | None = None) -> Iterator[tuple[slice, Floats]]:
        """All rows in order, with their positions; blocks without a row in `needed` (n,) may be skipped."""

    @abstractmethod
    def only(self, kept: Bools) -> Rows:
        """The rows in `kept` (n,), not copied if those are all."""

    @abstractmethod
    def take(self, rows: npt.NDArray[np.intp]) -> ArrayRows:
        """These rows, ascending, copied into memory."""

    @abstractmethod
    def batches(self, rng: np.random.Generator, size: int) -> Iterator[tuple[npt.NDArray[np.intp], Floats]]:
        """All rows once in random order, at most `size` at a time, with their indices; chunks are read one after another."""

    def times(self, coefficients: Floats) -> Floats:
        """X @ coefficients.T for coefficients (k, d): shape (n, k)."""
        found = np.empty((self.shape[0], len(coefficients)))
        for place, block in self.blocks():
            found[place] = block @ coefficients.T
        return found

    def pulled(self, per_row: Floats) -> Floats:
        """per_row.T @ X for per_row (n, k): shape (k, d)."""
        found = np.zeros((per_row.shape[1], self.shape[1]))
        for place, block in self.blocks((per_row != 0).any(1)):
            found += per_row[place].T @ block
        return found

    def squares(self, base: Floats) -> Floats:
        """The weighted mean square of each feature, shape (d,)."""
        found = np.zeros(self.shape[1])
        for place, block in self.blocks():
            weights = base[place]
            for begin in range(0, len(block), ROWS):
                found += weights[begin : begin + ROWS] @ block[begin : begin + ROWS] ** 2
        return found

    def gram(self, by_row: Floats, *, positive: bool) -> tuple[Floats, Floats]:
        """X^T diag(by_row) X, shape (d, d), and X^T by_row, shape (d,); rows of weight 0 are skipped."""
        d = self.shape[1]
        found, edge = np.zeros((d, d)), np.zeros(d)
        for place, block in self.blocks(by_row != 0):
            for begin in range(0, len(block), ROWS):
                weights, part = by_row[place][begin : begin + ROWS], block[begin : begin + ROWS]
                kept = np.flatnonzero(weights)
                if len(kept) < 0.7 * len(weights):
                    weights, part = weights[kept], part[kept]
                if positive and d > WIDE:
                    root = np.sqrt(weights)
                    scaled = part * root[:, None]
                    found += scaled.T @ scaled
                    edge += root @ scaled
                else:
                    scaled = part * weights[:, None]
                    found += scaled.T @ part
                    edge += weights @ part
        return found, edge


@dataclass(frozen=True, eq=False)
class ArrayRows(Rows):
    """X in memory, or a memory map of float64."""

    x: Floats

    @property
    def shape(self) -> tuple[int, int]:
        return int(self.x.shape[0]), int(self.x.shape[1])

    def blocks(self, needed: Bools | None = None) -> Iterator[tuple[slice, Floats]]:
        yield slice(0, len(self.x)), self.x

    def only(self, kept: Bools) -> ArrayRows:
        return self if kept.all() else ArrayRows(self.x[kept])

    def take(self, rows: npt.NDArray[np.intp]) -> ArrayRows:
        return ArrayRows(self.x[rows])

    def batches(self, rng: np.random.Generator, size: int) -> Iterator[tuple[npt.NDArray[np.intp], Floats]]:
        order = rng.permutation(len(self.x))
        for begin in range(0, len(order), size):
            rows = order[begin : begin + size]
            yield rows, self.x[rows]

    def times(self, coefficients: Floats) -> Floats:
        return np.asarray(self.x @ coefficients.T)

    def pulled(self, per_row: Floats) -> Floats:
        return np.asarray(per_row.T @ self.x)


@dataclass(frozen=True, eq=False)
class Stream(Rows):
    """X in chunks that are read again at each pass, one at a time.

    Args:
        chunks: a sequence of (X, y).
        sizes: rows of each chunk, shape (chunks,).
        d: features.
        kept: the rows to use, shape (sum of sizes,).
    """

    chunks: Sequence[tuple[npt.ArrayLike, npt.ArrayLike]]
    sizes: npt.NDArray[np.intp]
    d: int
    kept: Bools

    @cached_property
    def starts(self) -> npt.NDArray[np.intp]:
        """The start of each chunk among the kept rows, and their number; shape (chunks + 1,)."""
        edges = np.concatenate([[0], np.cumsum(self.sizes)])
        return np.asarray(np.concatenate([[0], np.cumsum(self.kept)])[edges], dtype=np.intp)

    @property
    def shape(self) -> tuple[int, int]:
        return int(self.starts[-1]), self.d

    def only(self, kept: Bools) -> Stream:
        return replace(self, kept=kept)

    def read(self, index: int) -> Floats:
        """One chunk in memory."""
        block = np.ascontiguousarray(self.chunks[index][0], dtype=np.float64)
        end = int(self.sizes[: index + 1].sum())
        kept = self.kept[end - len(block) : end]
        return block if kept.all() else block[kept]

    def blocks(self, needed: Bools | None = None) -> Iterator[tuple[slice, Floats]]:
        for index in range(len(self.starts) - 1):
            place = slice(int(self.starts[index]), int(self.starts[index + 1]))
            if needed is None or needed[place].any():
                yield place, self.read(index)

    def batches(self, rng: np.random.Generator, size: int) -> Iterator[tuple[npt.NDArray[np.intp], Floats]]:
        for index in rng.permutation(len(self.starts) - 1):
            block = self.read(int(index))
            order = rng.permutation(len(block))
            for begin in range(0, len(order), size):
                rows = order[begin : begin + size]
                yield rows + self.starts[index], block[rows]

    def take(self, rows: npt.NDArray[np.intp]) -> ArrayRows:
        found = np.empty((len(rows), self.d))
        needed = np.zeros(self.shape[0], dtype=bool)
        needed[rows] = True
        done = 0
        for place, block in self.blocks(needed):
            here = np.flatnonzero(needed[place])
            found[done : done + len(here)] = block[here]
            done += len(here)
        return ArrayRows(found)


@dataclass(frozen=True, eq=False)
class Chunks(Sequence[tuple[npt.ArrayLike, npt.ArrayLike]]):
    """A table and its labels in chunks, for `fit_chunks`. X may be a memory map of any float type.

    Args:
        X: shape (n, d); anything that can be sliced by rows.
        y: shape (n,).
        rows: rows per chunk, at least 1.

    Example:
        >>> chunks = Chunks(np.zeros((5, 2)), np.arange(5), rows=2)
        >>> [len(y) for _, y in chunks]
        [2, 2, 1]
    """

    X: npt.NDArray[np.generic]
    y: npt.NDArray[np.generic]
    rows: int = 65536

    def __post_init__(self) -> None:
        if self.rows < 1:
            raise must("rows", "Chunks", "be at least 1", self.rows)
        if len(self.X) != len(self.y):
            raise must("y", "Chunks", f"have one label for each row of X ({len(self.X)})", len(self.y))

    def __len__(self) -> int:
        return -(-len(self.X) // self.rows)

    @overload
    def __getitem__(self, index: int) -> tuple[npt.ArrayLike, npt.ArrayLike]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[tuple[npt.ArrayLike, npt.ArrayLike]]: ...
    def __getitem__(self, index: int | slice) -> tuple[npt.ArrayLike, npt.ArrayLike] | Sequence[tuple[npt.ArrayLike, npt.ArrayLike]]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        begin = index % len(self) * self.rows
        return self.X[begin : begin + self.rows], self.y[begin : begin + self.rows]
