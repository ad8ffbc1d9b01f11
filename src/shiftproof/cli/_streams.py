"""Standard output and error of a command: a reader that has gone is not an error, a full disk is one and is reported."""

from __future__ import annotations

import io
import os
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


@dataclass
class Lost:
    """Why something could not be written to a stream; a reader that has gone (`| head`) does not count."""

    reasons: list[str] = field(default_factory=list)


class _Raw(io.FileIO):
    """A descriptor of our own, so that what a model does to the first three reaches neither our text nor our files."""

    def __init__(self, number: int, lost: Lost) -> None:
        super().__init__(os.dup(number), "w")
        self._lost = lost

    def write(self, text: ReadableBuffer, /) -> int:
        try:
            return super().write(text) or 0
        except BrokenPipeError:
            pass
        except OSError as error:
            self._lost.reasons.append(error.strerror or str(error))
        return memoryview(text).nbytes


class _Text(io.TextIOWrapper):
    """Text that stays open when a model closes it."""

    def close(self) -> None:
        if not self.closed:
            self.flush()


class Streams(NamedTuple):
    """Output and error, and what becomes of the first."""

    out: TextIO
    err: TextIO
    lost: Lost


def open_streams() -> Streams:
    """Puts such streams in the place of `sys.stdout` and `sys.stderr`.

    Where a descriptor is closed (`>&-`), nothing is written, and no file that is opened later gets its number.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free, which is this one
    lost = Lost()
    sys.stdout, sys.stderr = _text(1, lost), _text(2, Lost())
    return Streams(sys.stdout, sys.stderr, lost)


def _text(number: int, lost: Lost) -> _Text:
    before = sys.stdout if number == 1 else sys.stderr
    raw = _Raw(number, lost)
    # A stream that Python could not open (`>&-`) is None here.
    encoding, errors = (before.encoding, before.errors) if before is not None else ("utf-8", "replace")
    return _Text(io.BufferedWriter(raw), encoding=encoding, errors=errors, line_buffering=number == 2 or raw.isatty())
