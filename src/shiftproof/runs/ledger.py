"""How many rows a run has sent to the model, over all its processes and calls: kept so that a kill loses nothing."""

from __future__ import annotations

import mmap
import os
import secrets
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from shiftproof._errors import StoredFileWarning
from shiftproof.models.query_count import QueryCount, counting_queries, open_counts

_WIDTH = 8
_MASK = 2 ** (8 * _WIDTH) - 1
_SLOT = 2 * _WIDTH


class Ledger(QueryCount):
    """A count whose `sent` also stands in a file of this process and call, mapped into memory: what is written there outlives a kill.

    The file has two slots, each a count and its complement, which are written in turn: a count that is torn or changed is seen.
    Until `keep` names the folder it counts in memory only.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folder: Path | None = None
        self._map: mmap.mmap | None = None
        self._place = 0

    def keep(self, folder: Path) -> None:
        """From now on, and with what was sent before, in a new file in `folder`."""
        if self._map is not None:
            return
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"{os.getpid()}-{secrets.token_hex(4)}.rows"
        self._path.write_bytes(2 * _slot(self.sent))
        with self._path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 2 * _SLOT)
        self.folder = folder

    def drop(self) -> None:
        """Takes the file away: what was sent was no part of that run."""
        if self._map is not None:
            self._map.close()
            self._path.unlink()
            self.folder = self._map = None

    def add_sent(self, model: str, rows: int) -> None:
        super().add_sent(model, rows)
        if self._map is not None:
            self._map[self._place : self._place + _SLOT] = _slot(self.sent)
            self._place = _SLOT - self._place


def _slot(count: int) -> bytes:
    parts: list[bytes] = [each.to_bytes(_WIDTH, "little") for each in (count, count ^ _MASK)]
    return b"".join(parts)


def rows_sent(folder: Path) -> int:
    """The sum over the files of a run. One that is damaged is named in a warning, and counts as far as it can be read."""
    total = 0
    for path in sorted(folder.glob("*.rows")):
        try:
            written = path.read_bytes()
        except OSError:
            written = b""
        counts = [int.from_bytes(written[at : at + _WIDTH], "little") for at in (0, _SLOT)]
        sound = [count for at, count in zip((0, _SLOT), counts, strict=True) if written[at : at + _SLOT] == _slot(count)]
        if len(sound) < 2 or len(written) != 2 * _SLOT:
            said = f"The file '{path}' is damaged: the number of rows sent may be too low by what it counted; nothing else depends on it."
            warnings.warn(said, StoredFileWarning, stacklevel=2)
        total += max(sound, default=0)
    return total


@contextmanager
def booking(folder: Path) -> Iterator[None]:
    """Keeps what is sent meanwhile in `folder`: in the ledger that is open for it, or in one for the life of this (worker) process."""
    if any(isinstance(count, Ledger) and count.folder == folder for count in open_counts()):
        yield
        return
    with counting_queries(_of_process(folder, os.getpid())):
        yield


@lru_cache(maxsize=1)
def _of_process(folder: Path, pid: int) -> Ledger:  # noqa: ARG001  # a forked process must not write into its parent's
    ledger = Ledger()
    ledger.keep(folder)
    return ledger
