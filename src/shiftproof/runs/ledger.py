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
from shiftproof._sealed import read_file
from shiftproof.models.query_count import QueryCount, counting_queries, open_counts

_WIDTH = 8
_MASK = 2 ** (8 * _WIDTH) - 1
_SLOT = 2 * _WIDTH


class _KeptNumber:
    """A number in a file, mapped into memory: what is written there outlives a kill.

    The file has two slots, each the number and its complement, which are written in turn: one that is torn or changed is seen.
    """

    def __init__(self, path: Path, number: int) -> None:
        self.path = path
        path.write_bytes(2 * _slot(number))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 2 * _SLOT)
        self._place = 0

    def write(self, number: int) -> None:
        self._map[self._place : self._place + _SLOT] = _slot(number)
        self._place = _SLOT - self._place

    def drop(self) -> None:
        """Takes the file away."""
        self._map.close()
        self.path.unlink()


class Ledger(QueryCount):
    """A count whose `sent` and `tokens` also stand in files of this process and call.

    Until `keep` names the folder it counts in memory only.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folder: Path | None = None
        self._rows: _KeptNumber | None = None
        self._tokens: _KeptNumber | None = None

    def keep(self, folder: Path) -> None:
        """From now on, and with what was counted before, in new files in `folder`; one of tokens where there are any."""
        if self._rows is not None:
            return
        folder.mkdir(parents=True, exist_ok=True)
        self._name = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._rows = _KeptNumber(folder / f"{self._name}{_ROWS}", self.sent)
        self.folder = folder
        self._keep_tokens()

    def drop(self) -> None:
        """Takes the files away: what was sent was no part of that run."""
        for kept in (self._rows, self._tokens):
            if kept is not None:
                kept.drop()
        self.folder = self._rows = self._tokens = None

    def add_sent(self, model: str, rows: int) -> None:
        super().add_sent(model, rows)
        if self._rows is not None:
            self._rows.write(self.sent)

    def add_tokens(self, tokens: int) -> None:
        super().add_tokens(tokens)
        self._keep_tokens()

    def _keep_tokens(self) -> None:
        with self._lock:  # answers come in several threads
            if self._tokens is not None:
                self._tokens.write(self.tokens)
            elif self.folder is not None and self.tokens:
                self._tokens = _KeptNumber(self.folder / f"{self._name}{_TOKENS}", self.tokens)


_ROWS, _TOKENS = ".rows", ".tokens"


def _slot(count: int) -> bytes:
    parts: list[bytes] = [each.to_bytes(_WIDTH, "little") for each in (count, count ^ _MASK)]
    return b"".join(parts)


def rows_sent(folder: Path) -> int:
    """The sum over the files of a run. One that is damaged is named in a warning, and counts as far as it can be read."""
    return sum(_read(path, "rows sent") for path in sorted(folder.glob(f"*{_ROWS}")))


def tokens_counted(folder: Path) -> int | None:
    """The same of tokens; None where no endpoint counted any."""
    paths = sorted(folder.glob(f"*{_TOKENS}"))
    return sum(_read(path, "tokens") for path in paths) if paths else None


def _read(path: Path, what: str) -> int:
    try:
        written = read_file(path)
    except OSError:
        written = b""
    counts = [int.from_bytes(written[at : at + _WIDTH], "little") for at in (0, _SLOT)]
    sound = [count for at, count in zip((0, _SLOT), counts, strict=True) if written[at : at + _SLOT] == _slot(count)]
    if len(sound) < 2 or len(written) != 2 * _SLOT:
        said = f"The file '{path}' is damaged: the number of {what} may be too low by what it counted; nothing else depends on it."
        warnings.warn(said, StoredFileWarning, stacklevel=3)
    return max(sound, default=0)


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
