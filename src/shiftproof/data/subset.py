"""Some of the examples of a source."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from shiftproof.data.examples import Examples, Ids
from shiftproof.data.source import Source, Wrapped


class Subset(Wrapped):
    """The examples of a source at some rows, in their order there.

    Args:
        inner: the source.
        rows: positions, ascending, shape (m,).
        note: why these; shown in the report.
    """

    def __init__(self, inner: Source, rows: npt.NDArray[np.intp], note: str) -> None:
        super().__init__(inner)
        self._rows, self._note = rows, note

    @property
    def ids(self) -> Ids:
        return self.inner.ids[self._rows]

    @property
    def y(self) -> npt.NDArray[Any]:
        return self.inner.y[self._rows]

    @property
    def groups(self) -> Mapping[str, npt.NDArray[np.str_]]:
        return {column: values[self._rows] for column, values in self.inner.groups.items()}

    @property
    def notes(self) -> tuple[str, ...]:
        return (*self.inner.notes, self._note)

    def fingerprint(self) -> str:
        digest = hashlib.sha256(np.ascontiguousarray(self._rows, dtype="<i8").tobytes()).hexdigest()[:12]
        return f"{self.inner.fingerprint()}+rows:{digest}"

    def take(self, rows: slice | npt.NDArray[np.intp]) -> Examples:
        return self.inner.take(self._rows[rows])
