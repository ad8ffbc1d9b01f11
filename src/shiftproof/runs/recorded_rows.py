"""The rows of a cell whose answers another tool recorded: what `compare` pairs, as a run of our own stores them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from shiftproof._sealed import BLANK, write_sealed


def write_recorded_rows(path: Path, ids: npt.NDArray[np.str_], outcome: npt.NDArray[np.str_], label: npt.NDArray[np.str_]) -> None:
    """Writes a cell's file with the three columns that comparisons read, each of shape (n,)."""
    table = pa.table({"id": ids.tolist(), "outcome": outcome.tolist(), "label": label.tolist()})
    sink = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata({b"seal": BLANK.encode()}), sink, compression="zstd")
    write_sealed(path, sink.getvalue().to_pybytes(), {"kind": "cell", "name": path.name})
