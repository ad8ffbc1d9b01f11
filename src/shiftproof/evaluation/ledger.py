"""How many rows a run has sent to the model, over all its processes and calls: kept so that a kill loses nothing."""

from __future__ import annotations

import mmap
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from shiftproof._errors import UsageError
from shiftproof.models.meter import Meter, metering, open_meters

_SIZE = 8


class Ledger(Meter):
    """A meter whose `sent` also stands in a file of this process and call, mapped into memory: what is written there outlives a kill.

    Until `keep` names the folder it counts in memory only.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folder: Path | None = None
        self._map: mmap.mmap | None = None

    def keep(self, folder: Path) -> None:
        """From now on, and with what was sent before, in a new file in `folder`."""
        if self._map is not None:
            return
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"{os.getpid()}-{secrets.token_hex(4)}.rows"
        self._path.write_bytes(self.sent.to_bytes(_SIZE, "little"))
        with self._path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _SIZE)
        self.folder = folder

    def drop(self) -> None:
        """Takes the file away: what was sent was no part of that run."""
        if self._map is not None:
            self._map.close()
            self._path.unlink()
            self.folder = self._map = None

    def send(self, model: str, rows: int) -> None:
        super().send(model, rows)
        if self._map is not None:
            self._map[:_SIZE] = self.sent.to_bytes(_SIZE, "little")


def rows_sent(folder: Path) -> int:
    """The sum over the files of a run.

    Raises:
        UsageError: one of them is cut short.
    """
    total = 0
    for path in sorted(folder.glob("*.rows")):
        written = path.read_bytes()
        if len(written) != _SIZE:
            raise UsageError(f"The file '{path}' is damaged: it must hold {_SIZE} bytes. Remove it; what it counted is then left out.")
        total += int.from_bytes(written, "little")
    return total


@contextmanager
def booking(folder: Path) -> Iterator[None]:
    """Keeps what is sent meanwhile in `folder`: in the ledger that is open for it, or in one for the life of this (worker) process."""
    if any(isinstance(meter, Ledger) and meter.folder == folder for meter in open_meters()):
        yield
        return
    with metering(_of_process(folder, os.getpid())):
        yield


@lru_cache(maxsize=1)
def _of_process(folder: Path, pid: int) -> Ledger:  # noqa: ARG001  # a forked process must not write into its parent's
    ledger = Ledger()
    ledger.keep(folder)
    return ledger
