"""The rows of a cell's file: a finding as a table, the same with some of its rows measured since, and the file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from shiftproof._sealed import BLANK, write_sealed
from shiftproof.finding import Finding
from shiftproof.outcomes import HELD
from shiftproof.runs.score_rows import SCORE, UNREADABLE, array_of, score_rows

MOST_PARAMS = 64
"""Moves of at most this many numbers are stored with every example; larger ones (whole images) only in the gallery."""


def share_held(columns: Mapping[str, npt.NDArray[Any]]) -> float:
    """The share of a cell's examples that held, by what is read back of its file."""
    return float((columns["outcome"] == HELD).mean())


def table_of(finding: Finding, labels: npt.NDArray[Any]) -> pa.Table:
    """A row an example: what became of it, the truth, what was stored of the answer and of the move."""
    values: dict[str, npt.NDArray[Any]] = {
        "id": finding.ids,
        "outcome": finding.outcome,
        "loss": finding.loss,
        "prediction": finding.prediction,
        "label": labels,
        "probability": finding.probability,
        "confidence": finding.confidence,
        "radius": finding.radius,
        "forwards": finding.forwards,
        "backwards": finding.backwards,
    }
    if finding.score is not None:
        values[SCORE] = finding.score
    if finding.unreadable is not None:
        values[UNREADABLE] = finding.unreadable
    values |= score_rows(finding.said, labels)
    flat = finding.params.reshape(len(finding), -1).astype(np.float64)
    if 0 < flat.shape[1] <= MOST_PARAMS:
        values["params"] = flat
    return _table(values)


def with_rows(known: pa.Table, rows: npt.NDArray[np.intp], new: pa.Table) -> pa.Table:
    """The table with the rows of `new` at these places; columns that only one of the two has are NaN or -1 where it has them not."""
    found: dict[str, npt.NDArray[Any]] = {}
    for name in dict.fromkeys([*known.column_names, *new.column_names]):
        given = array_of(new.column(name)) if name in new.column_names else None
        if name in known.column_names:
            values = array_of(known.column(name)).copy()
            values = values.astype(object) if values.dtype.kind == "U" else values  # texts of any length
        else:
            assert given is not None  # it is a column of one of the two
            values = np.full((len(known), *given.shape[1:]), np.nan if given.dtype.kind == "f" else -1, dtype=given.dtype)
        if given is not None:
            values[rows] = given
        found[name] = values
    return _table(found)


def _table(columns: dict[str, npt.NDArray[Any]]) -> pa.Table:
    return pa.Table.from_arrays([_column(values) for values in columns.values()], names=list(columns))


def _column(values: npt.NDArray[Any]) -> pa.Array:
    return _flat(values) if values.ndim == 1 else pa.FixedSizeListArray.from_arrays(_flat(values.ravel()), values.shape[1])


def _flat(values: npt.NDArray[Any]) -> pa.Array:
    """As `pyarrow.array`, which imports pandas to see whether it was given something of pandas: a third of a second, once a process."""
    if values.dtype.kind in "iuf":
        numbers = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("="))
        return pa.Array.from_buffers(pa.from_numpy_dtype(numbers.dtype), len(numbers), [None, pa.py_buffer(numbers)])
    if values.dtype.kind == "U":
        texts = [text.encode() for text in values.tolist()]
        ends = np.cumsum([0, *map(len, texts)], dtype=np.int64)
        if ends[-1] < 2**31:
            return pa.StringArray.from_buffers(len(texts), pa.py_buffer(ends.astype(np.int32)), pa.py_buffer(b"".join(texts)))
    return pa.array(values)


def write_rows(path: Path, table: pa.Table, card: Mapping[bytes, bytes] | None = None) -> None:
    """Writes a cell's file, a row an example, with its seal; it appears whole or not at all."""
    sink = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata({**(card or {}), b"seal": BLANK.encode()}), sink, compression="zstd")
    write_sealed(path, sink.getvalue().to_pybytes(), {"kind": "cell", "name": path.name})
