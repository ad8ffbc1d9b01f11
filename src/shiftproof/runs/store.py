"""Where a run lives: one folder, one Parquet file a cell, sealed, written under a temporary name and renamed.

That alone gives resuming (a file is there and whole, or the cell is run again), idempotence, and safe writers side by side.
"""

from __future__ import annotations

import errno
import json
import shutil
import warnings
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from shiftproof._errors import StoredFileWarning, UsageError
from shiftproof._sealed import BLANK, DamagedFile, UnsealedFile, check_seal, create_json, read_file, read_sealed, write_sealed
from shiftproof._writing import clear_leftovers, disk_error, is_temporary
from shiftproof._writing import write_atomic as write_atomic
from shiftproof.finding import Finding
from shiftproof.outcomes import MISSING_ANSWERS, NO_ANSWER, UNREADABLE_ANSWERS, Bound, Flag, Stage, join_flags, join_stages
from shiftproof.runs.cell import Cell
from shiftproof.runs.cell_rows import table_of, with_rows, write_rows
from shiftproof.runs.difference import first_difference
from shiftproof.runs.libraries import Versions, added, loaded
from shiftproof.runs.remote_store import Mirror
from shiftproof.runs.score_rows import SCORE, SCORES, TOP_CLASSES, TOP_SCORES, UNREADABLE, array_of

KNOWN, ANSWERS = "known", "answers"
"""The entries of a plan that tell what its model and parts were, and what an endpoint answered: see `recognise`."""
_ROW_BYTES = 200
_SPARE_BYTES = 4_000_000
_CARD = b"shiftproof"
_PLAN = {"kind": "plan"}
COLUMNS = ("id", "outcome", "loss", "prediction", "label", "probability", "confidence", "radius", "forwards", "backwards")


@dataclass(frozen=True, eq=False)
class CellTable:
    """The per-example results of one cell, read back: arrays of shape (n,), and the card."""

    columns: Mapping[str, np.ndarray[Any, Any]]
    bound: Bound
    flags: tuple[Flag, ...]
    seconds: float
    batch_size: int
    stages: tuple[Stage, ...] = ()
    sent: int = 0
    versions: tuple[Versions, ...] = ()

    def __len__(self) -> int:
        return len(self.columns["id"])


class FolderGone(UsageError):
    """The folder of a run was removed while the run was going on."""


class Store:
    """A run's folder.

    Args:
        folder: where.
        ids: the names of the examples of each sample, by its fingerprint; a cell's file must hold those of its own rows.
        mirror: the URL at which the run is, where the folder is just where it is worked on.
    """

    def __init__(self, folder: Path, ids: Mapping[str, np.ndarray[Any, Any]] | None = None, mirror: Mirror | None = None) -> None:
        self.folder, self.mirror = folder, mirror
        self.ids = ids or {}
        self.cells = folder / "cells"
        self.gallery = folder / "gallery"
        self.partial = folder / "partial"
        """States of batches under way, a folder a cell."""
        self.sent = folder / "sent"
        """How many rows each process of the run sent to the model."""
        self.claims = folder / "claims"
        """Which call of the run is at what."""
        self.answers = folder / "answers.sqlite"
        """Answers of a model that wants them stored."""
        self._seen: dict[str, tuple[tuple[int, ...], CellTable]] = {}
        """Cells that were read and found sound, each with what its file was like then."""
        self._scores: tuple[str, np.ndarray[Any, Any] | None] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_seen": {}, "_scores": None}

    @property
    def claimed(self) -> bool:
        """Whether a run has been here."""
        return (self.folder / "plan.json").exists()

    def open(self, plan: Mapping[str, Any], cells: Sequence[Cell]) -> None:
        """Claims the folder for this plan in one step, or goes on with it where it is the same.

        Raises:
            UsageError: it holds another run, is not a folder, cannot be written, or its disk is full.
        """
        if self.folder.exists() and not self.folder.is_dir():
            raise UsageError(f"The output '{self.folder}' is a file. Choose a folder with --out.")
        try:
            self._claim(self.folder / "plan.json", plan, cells)
            self.cells.mkdir(exist_ok=True)
            self.gallery.mkdir(exist_ok=True)
        except OSError as error:
            raise disk_error(self.folder, error) from error
        clear_leftovers(self.folder)

    def _claim(self, written: Path, plan: Mapping[str, Any], cells: Sequence[Cell]) -> None:
        there = [p.name for p in self.folder.iterdir() if not is_temporary(p)] if self.folder.is_dir() else []
        if not written.exists() and there:  # in this order: whoever makes the folder writes its plan before anything else
            raise UsageError(
                f"The output folder '{self.folder}' holds other files and no shiftproof run. Choose an empty or new folder with --out."
            )
        if written.exists():
            _same_plan(self.folder, read_plan(written), plan)
        self._check_room(cells)
        self.folder.mkdir(parents=True, exist_ok=True)
        if not written.exists():
            create_json(written, json.dumps(plan, indent=2), _PLAN)
        if self.mirror is not None:
            self.mirror.create(written.name)
        _same_plan(self.folder, read_plan(written), plan)  # ours, or that of a run that was quicker

    def _check_room(self, cells: Sequence[Cell]) -> None:
        home = next(p for p in [self.folder.absolute(), *self.folder.absolute().parents] if p.exists())
        need = _SPARE_BYTES + _ROW_BYTES * sum(len(c) for c in cells if not self.path(c).exists())
        free = shutil.disk_usage(home).free
        if free < need:
            raise OSError(errno.ENOSPC, f"{need / 1e6:.0f} MB are needed and {free / 1e6:.1f} MB are free")

    def check_there(self) -> None:
        """Raises where the folder is not there any more."""
        if not (self.folder / "plan.json").exists():
            raise FolderGone(f"The output folder '{self.folder}' was removed while the run was going on, so it stops. Run it again.")

    def path(self, cell: Cell) -> Path:
        """The file of a cell."""
        return self.cells / f"{cell.key()}.parquet"

    def has(self, cell: Cell) -> bool:
        """Whether a cell has results: its file is there, whole, and its own."""
        return self.path(cell).exists() and self.fault(cell) is None

    def fault(self, cell: Cell) -> str | None:
        """Why the file of a cell, which is there, is not used; None where it can be."""
        try:
            self._read(cell)
        except DamagedFile as error:
            return f"The file '{self.path(cell)}' is not used: {error}."
        return None

    def finished(self, cell: Cell) -> bool:
        """Whether nothing of a cell is left to do: it has its file, and an answer for every example."""
        return self.has(cell) and not len(self.unanswered(cell))

    def unanswered(self, cell: Cell) -> npt.NDArray[np.intp]:
        """The examples of a cell to which no answer came, as positions in the sample."""
        return cell.start + np.nonzero(self.read(cell).columns["outcome"] == NO_ANSWER)[0]

    def missing(self, cells: Iterable[Cell]) -> list[Cell]:
        """The cells that are not finished: what is left to do. A file that is there and cannot be used is named in a warning."""
        left = [cell for cell in cells if not self.finished(cell)]
        for cell in left:
            if self.path(cell).exists() and (fault := self.fault(cell)):
                warnings.warn(f"{fault} Its cell is run again.", StoredFileWarning, stacklevel=2)
        return left

    def write(self, cell: Cell, finding: Finding, labels: np.ndarray[Any, Any], batch_size: int) -> None:
        """Writes a cell's per-example results; the file appears whole or not at all."""
        self._write(cell, table_of(finding, labels), finding, batch_size, ())

    def complete(self, cell: Cell, finding: Finding, labels: np.ndarray[Any, Any], batch_size: int, rows: npt.NDArray[np.intp]) -> None:
        """Writes a cell again with what was found of those of the examples `rows` to which no answer had come: what is stored stays."""
        before, path = self.read(cell), self.path(cell)
        known = _parsed(read_sealed(path, _of_file("cell", path)))
        places = np.intersect1d(rows, self.unanswered(cell))
        table = with_rows(known, places - cell.start, table_of(finding, labels).take(np.searchsorted(rows, places)))
        kept = tuple(flag for flag in before.flags if flag.name not in (MISSING_ANSWERS, UNREADABLE_ANSWERS))
        whole = replace(
            finding,
            flags=join_flags([(kept, len(cell) - len(finding)), (finding.flags, len(finding))]),
            stages=join_stages([*before.stages, *finding.stages]),
            seconds=before.seconds + finding.seconds,
            sent=before.sent + finding.sent,
        )
        self._write(cell, table, whole, batch_size, before.versions)

    def _write(self, cell: Cell, table: pa.Table, finding: Finding, batch_size: int, before: tuple[Versions, ...]) -> None:
        card = {
            "identity": cell.identity(),
            "bound": finding.bound.value,
            "flags": [asdict(flag) for flag in finding.flags],
            "seconds": finding.seconds,
            "batch_size": batch_size,
            "stages": [asdict(stage) for stage in finding.stages],
            "sent": finding.sent,
            "versions": added(before, loaded()),
        }
        write_rows(self.path(cell), table, {_CARD: json.dumps(card).encode()})
        self.failure(cell).unlink(missing_ok=True)

    def read(self, cell: Cell) -> CellTable:
        """A finished cell's results."""
        try:
            return self._read(cell)
        except DamagedFile as error:
            raise UsageError(f"The file '{self.path(cell)}' cannot be used: {error}. Run again.") from error

    def _read(self, cell: Cell) -> CellTable:
        """A cell's results, checked; those of a file that has not changed since are remembered."""
        try:
            now = self.path(cell).stat()
        except OSError as error:
            raise DamagedFile(f"it cannot be read ({error.strerror})") from error
        like = (now.st_mtime_ns, now.st_ctime_ns, now.st_size, now.st_ino)
        before = self._seen.get(cell.key())
        if before is None or before[0] != like:
            before = self._seen[cell.key()] = (like, self._checked(cell))
        return before[1]

    def _checked(self, cell: Cell) -> CellTable:
        path = self.path(cell)
        try:
            table = _parsed(read_sealed(path, _of_file("cell", path)), COLUMNS, maybe=(SCORE, UNREADABLE))
        except OSError as error:
            raise DamagedFile(f"it cannot be read ({error.strerror})") from error
        card = json.loads(table.schema.metadata[_CARD])
        if card["identity"] != cell.identity() or len(table) != len(cell):
            raise DamagedFile("it belongs to another cell than its name says")
        columns = {name: array_of(table.column(name)) for name in table.column_names}
        if cell.data in self.ids and not np.array_equal(columns["id"], self.ids[cell.data][cell.start : cell.stop]):
            raise DamagedFile("its examples are not those that the data have in its rows")
        flags = tuple(Flag(**flag) for flag in card["flags"])
        stages = tuple(Stage(**stage) for stage in card["stages"])
        versions = tuple(card.get("versions", ()))  # older files do not tell
        return CellTable(columns, Bound(card["bound"]), flags, card["seconds"], card["batch_size"], stages, card["sent"], versions)

    def scores(self, cell: Cell) -> np.ndarray[Any, Any] | None:
        """A finished cell's class scores, shape (n, classes), the last cell's remembered; None where it has not those of all classes."""
        key = cell.key()
        if self._scores is None or self._scores[0] != key:
            self._scores = key, self.score_columns(cell).get(SCORES)
        return self._scores[1]

    def score_columns(self, cell: Cell) -> dict[str, np.ndarray[Any, Any]]:
        """What a finished cell's file holds of the model's scores: those columns of `score_rows` that it has."""
        path = self.path(cell)
        table = _parsed(read_sealed(path, _of_file("cell", path)), (), maybe=(SCORES, TOP_CLASSES, TOP_SCORES))
        return {name: array_of(table.column(name)) for name in table.column_names}

    def failure(self, cell: Cell) -> Path:
        """The file with the traceback of a failed cell."""
        return self.cells / f"{cell.key()}.error.txt"

    def fail(self, cell: Cell, error: str) -> None:
        """Writes down why a cell failed; raises where the folder is gone, so that nothing after it could be kept either."""
        self.check_there()
        with suppress(OSError):  # on a full disk the cell is just unfinished
            write_error(self.failure(cell), error)

    def error(self, cell: Cell) -> str | None:
        """Why an unfinished cell has no results, as far as is known."""
        return read_error(self.failure(cell)) or (self.fault(cell) if self.path(cell).exists() else None)


def write_error(path: Path, error: str) -> None:
    """Writes the traceback of what failed."""
    write_sealed(path, f"{error.rstrip()}\n\n{BLANK}\n".encode(), _of_file("error", path))


def read_error(path: Path) -> str | None:
    """What `write_error` wrote; None where nothing failed."""
    try:
        return read_sealed(path, _of_file("error", path)).decode().rstrip().rpartition("\n")[0].rstrip() + "\n"
    except FileNotFoundError:
        return None
    except DamagedFile as error:
        return f"It failed; why is not known: the file '{path}' is not used: {error}."


def read_rows(path: Path, columns: Sequence[str], maybe: Sequence[str] = ()) -> pa.Table:
    """Columns of a cell's file, and those of `maybe` that it has, for whoever has a finished run's folder alone.

    Raises:
        UsageError: it is damaged, or another cell's. One without a checksum is read, with a warning.
    """
    sealed = True
    try:
        content = read_file(path)
        try:
            check_seal(content, _of_file("cell", path))
        except UnsealedFile:
            sealed = False
        table = _parsed(content, columns, maybe)
    except (DamagedFile, OSError) as error:
        raise UsageError(f"The file '{path}' is damaged: {error}. Run its audit again.") from error
    if not sealed:
        warnings.warn(f"The file '{path}' has no checksum: an earlier version wrote it.", StoredFileWarning, stacklevel=3)
    return table


def _parsed(content: bytes, columns: Sequence[str] | None = None, maybe: Sequence[str] = ()) -> pa.Table:
    try:
        file = pq.ParquetFile(pa.BufferReader(content))
        return (
            file.read() if columns is None else file.read(columns=[*columns, *(name for name in maybe if name in file.schema_arrow.names)])
        )
    except (pa.ArrowException, OSError) as error:
        raise DamagedFile(f"it is not a table ({error})") from error


def _of_file(kind: str, path: Path) -> dict[str, str]:
    """The identity of a file in a run's folder: its name holds the key of its cell, and which examples."""
    return {"kind": kind, "name": path.name}


def read_plan(written: Path) -> dict[str, Any]:
    """The stored plan of a run; raises `UsageError` where it is not there or cannot be read."""
    if not written.exists():
        raise UsageError(f"There is no plan '{written}'. A run stores it as plan.json in its folder.")
    try:
        content = read_file(written)
        plan = json.loads(content)
        with suppress(UnsealedFile):  # an earlier version's: its files are told apart by their own names and seals
            check_seal(content, _PLAN)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"'{written}' cannot be read ({error}), so its run cannot be resumed. Choose another folder with --out."
        ) from error
    if not isinstance(plan, dict):
        raise UsageError(f"'{written}' is not a plan written by shiftproof. Choose another folder with --out.")
    return plan


def _same_plan(folder: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Raises where `folder` holds another run, naming the first difference. What may change in a run is seen to by `recognise`."""
    for key in new:
        if key not in (KNOWN, ANSWERS) and old.get(key) != new[key]:
            raise UsageError(
                f"The output folder '{folder}' holds another run: {first_difference(key, old.get(key), new[key])}. "
                "Choose another folder with --out, or delete that one."
            )
