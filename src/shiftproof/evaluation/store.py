"""Where a run lives: one folder, one Parquet file a cell, written under a temporary name and renamed.

That alone gives resuming (a file is there or it is not), idempotence, and safe writers side by side.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from shiftproof._errors import UsageError
from shiftproof.evaluation.cell import Cell
from shiftproof.finding import Finding
from shiftproof.outcomes import Bound, Flag, Stage

MOST_PARAMS = 64
"""Moves of at most this many numbers are stored with every example; larger ones (whole images) only in the gallery."""
_ROW_BYTES = 200
_SPARE_BYTES = 4_000_000
_CARD = b"shiftproof"
COLUMNS = ("id", "outcome", "loss", "prediction", "label", "probability", "confidence", "radius", "forwards", "backwards")


@dataclass(frozen=True, eq=False)
class Table:
    """The per-example results of one cell, read back: arrays of shape (n,), and the card."""

    columns: Mapping[str, np.ndarray[Any, Any]]
    bound: Bound
    flags: tuple[Flag, ...]
    seconds: float
    batch_size: int
    stages: tuple[Stage, ...] = ()
    sent: int = 0

    def __len__(self) -> int:
        return len(self.columns["id"])


class Store:
    """A run's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cells = folder / "cells"
        self.gallery = folder / "gallery"
        self.partial = folder / "partial"
        """States of batches under way, a folder a cell."""
        self.sent = folder / "sent"
        """How many rows each process of the run sent to the model."""

    @property
    def claimed(self) -> bool:
        """Whether a run has been here."""
        return (self.folder / "plan.json").exists()

    def open(self, plan: Mapping[str, Any], cells: Sequence[Cell]) -> None:
        """Claims the folder for this plan, or goes on with it where it is the same.

        Raises:
            UsageError: it holds another run, is not a folder, cannot be written, or its disk is full.
        """
        written = self.folder / "plan.json"
        if self.folder.exists() and not self.folder.is_dir():
            raise UsageError(f"The output '{self.folder}' is a file. Choose a folder with --out.")
        try:
            if written.exists():
                _same_plan(self.folder, _plan_in(written), plan)
            elif self.folder.is_dir() and any(p for p in self.folder.iterdir() if not p.match(f"{written.name}.*.tmp")):
                raise UsageError(
                    f"The output folder '{self.folder}' holds other files and no run of ours. Choose an empty or new folder with --out."
                )
            self._claim(written, plan, cells)
        except OSError as error:
            raise disk_error(self.folder, error) from error

    def _claim(self, written: Path, plan: Mapping[str, Any], cells: Sequence[Cell]) -> None:
        home = next(p for p in [self.folder.absolute(), *self.folder.absolute().parents] if p.exists())
        need = _SPARE_BYTES + _ROW_BYTES * sum(len(c) for c in self.missing(cells))
        free = shutil.disk_usage(home).free
        if free < need:
            raise OSError(errno.ENOSPC, f"{need / 1e6:.0f} MB are needed and {free / 1e6:.1f} MB are free")
        self.folder.mkdir(parents=True, exist_ok=True)
        write_atomic(written, json.dumps(plan, indent=2).encode())  # first: a folder with anything else in it must say whose it is
        self.cells.mkdir(exist_ok=True)
        self.gallery.mkdir(exist_ok=True)
        for left in self.folder.rglob("*.tmp"):
            if not _alive(left):
                left.unlink(missing_ok=True)  # a killed writer's half file

    def path(self, cell: Cell) -> Path:
        """The file of a cell."""
        return self.cells / f"{cell.key()}.parquet"

    def missing(self, cells: Iterable[Cell]) -> list[Cell]:
        """The cells whose file is not there: what is left to do."""
        return [cell for cell in cells if not self.path(cell).exists()]

    def write(self, cell: Cell, finding: Finding, labels: np.ndarray[Any, Any], batch_size: int) -> None:
        """Writes a cell's per-example results; the file appears whole or not at all."""
        values = {
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
        table = pa.table(values)
        flat = finding.params.reshape(len(finding), -1).astype(np.float64)
        if 0 < flat.shape[1] <= MOST_PARAMS:
            moves = pa.FixedSizeListArray.from_arrays(pa.array(flat.ravel()), flat.shape[1])
            table = table.append_column("params", moves)
        card = {
            "identity": cell.identity(),
            "bound": finding.bound.value,
            "flags": [asdict(flag) for flag in finding.flags],
            "seconds": finding.seconds,
            "batch_size": batch_size,
            "stages": [asdict(stage) for stage in finding.stages],
            "sent": finding.sent,
        }
        sink = pa.BufferOutputStream()
        pq.write_table(table.replace_schema_metadata({_CARD: json.dumps(card).encode()}), sink, compression="zstd")
        write_atomic(self.path(cell), sink.getvalue())
        self.failure(cell).unlink(missing_ok=True)

    def read(self, cell: Cell) -> Table:
        """A finished cell's results."""
        try:
            table = pq.read_table(self.path(cell), columns=list(COLUMNS))
        except (pa.ArrowException, OSError) as error:  # files appear whole, so a disk or a copy damaged it
            raise UsageError(f"The file '{self.path(cell)}' is damaged ({error}). Remove it and run again.") from error
        card = json.loads(table.schema.metadata[_CARD])
        if card["identity"] != cell.identity():
            raise UsageError(f"The file '{self.path(cell)}' belongs to another cell than its name says. Remove it and run again.")
        columns = {name: _array(table.column(name)) for name in COLUMNS}
        flags = tuple(Flag(**flag) for flag in card["flags"])
        stages = tuple(Stage(**stage) for stage in card["stages"])
        return Table(columns, Bound(card["bound"]), flags, card["seconds"], card["batch_size"], stages, card["sent"])

    def failure(self, cell: Cell) -> Path:
        """The file with the traceback of a failed cell."""
        return self.cells / f"{cell.key()}.error.txt"


def _array(column: pa.ChunkedArray) -> np.ndarray[Any, Any]:
    values = column.to_numpy()
    return values.astype(str) if values.dtype == object else values  # type: ignore[no-any-return]


def _plan_in(written: Path) -> dict[str, Any]:
    try:
        plan = json.loads(written.read_text())
    except ValueError as error:
        raise UsageError(f"'{written}' cannot be read ({error}), so its run cannot go on. Choose another folder with --out.") from error
    if not isinstance(plan, dict):
        raise UsageError(f"'{written}' is no plan of ours. Choose another folder with --out.")
    return plan


def _same_plan(folder: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Raises where `folder` holds another run, naming the first difference."""
    for key in new:
        if old.get(key) != new[key]:
            raise UsageError(
                f"The output folder '{folder}' holds another run: its {key} is {_short(old.get(key))}, "
                f"and this run's is {_short(new[key])}. "
                "Choose another folder with --out, or delete that one."
            )


def _short(value: object) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= 120 else text[:117] + "..."


def _alive(temporary: Path) -> bool:
    """Whether the process that named a temporary file may still be writing it."""
    try:
        os.kill(int(temporary.suffixes[-2][1:]), 0)
    except (ValueError, IndexError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True


def write_atomic(path: Path, content: bytes | pa.Buffer) -> None:
    """Writes under a temporary name, flushes to disk and renames, so that readers see all or nothing."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def save(path: Path, content: bytes) -> None:
    """Writes atomically into a folder that is made where it is missing; what the disk refuses is a `UsageError`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, content)
    except OSError as error:
        raise disk_error(path.parent, error) from error


def disk_error(folder: Path, error: OSError) -> UsageError:
    """A full or read-only disk, said to a person."""
    full = error.errno == errno.ENOSPC
    what = "has no room" if full else "cannot be written"
    way = (
        "Free some space, or choose another disk with --out; running again goes on where this stopped."
        if full
        else "Choose another with --out."
    )
    return UsageError(f"The output folder '{folder}' {what}: {error.strerror or error}. {way}")
