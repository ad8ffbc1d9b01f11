"""Code that is not ours: called so that what it does to the process stays its own, and its errors shown short."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import torch

_OURS = str(Path(__file__).parents[1])
_SHOWN = 5


class EndedProgram(RuntimeError):
    """Code that is not ours left the program by `sys.exit`, where an answer was wanted."""

    def __init__(self, code: object) -> None:
        super().__init__(f"The model's code ended the program (sys.exit({code!r})) instead of answering.")
        self.code = code


@dataclass(frozen=True)
class _Settings:
    """What a model may set for the whole process, and we depend on."""

    folder: str | None
    dtype: torch.dtype
    device: torch.device
    out: TextIO
    err: TextIO

    @classmethod
    def now(cls) -> _Settings:
        try:
            folder = os.getcwd()
        except OSError:  # it was removed
            folder = None
        return cls(folder, torch.get_default_dtype(), torch.get_default_device(), sys.stdout, sys.stderr)

    def put(self, before: _Settings) -> None:
        """Makes these the settings of the process, whose are `before`."""
        if self == before:
            return
        if self.folder is not None and self.folder != before.folder:
            with suppress(OSError):  # removed meanwhile
                os.chdir(self.folder)
        torch.set_default_dtype(self.dtype)
        if self.device != before.device:
            torch.set_default_device(self.device)
        sys.stdout, sys.stderr = self.out, self.err


_theirs: _Settings | None = None
"""What foreign code has set, while ours runs."""


@contextmanager
def foreign(*, loading: bool = False) -> Iterator[None]:
    """For the time of a call of code that is not ours, or of its import, which begins with our settings.

    The working folder, torch's default type and device and the standard streams that it sets are its own: they are put back afterwards, and
    set again for its next call. So a model that needs its settings has them, and nothing of ours, such as a relative path, depends on them.
    The gradient mode is put back, and not set again.

    Raises:
        EndedProgram: it called `sys.exit`.

    Cost: some microseconds.
    """
    global _theirs  # settings belong to the process
    ours, gradients = _Settings.now(), torch.is_grad_enabled()
    if _theirs is not None and not loading:
        _theirs.put(ours)
    try:
        yield
    except SystemExit as end:
        raise EndedProgram(end.code) from end
    finally:
        left = _Settings.now()
        _theirs = left if left != ours else _theirs if loading else None
        ours.put(left)
        torch.set_grad_enabled(gradients)


def short_traceback(error: BaseException) -> str:
    """The last few places of the user's own code and the error itself, without the frames of this library and of the import system."""
    frames = list(traceback.TracebackException.from_exception(error).stack)
    while frames and (frames[0].filename.startswith((_OURS, "<frozen importlib")) or "importlib" in Path(frames[0].filename).parts):
        frames = frames[1:]
    return "".join([*traceback.StackSummary.from_list(frames[-_SHOWN:]).format(), *traceback.format_exception_only(error)]).rstrip()


def first_line(error: BaseException) -> str:
    """The error's type and the first line of its message."""
    return f"{type(error).__name__}: {str(error).strip().split(chr(10))[0][:300]}"
