"""Calls of a user's code: what it changes in the process is undone afterwards, and its errors are shortened."""

from __future__ import annotations

import os
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TextIO

import torch

_OURS = str(Path(__file__).parents[1])
_SHOWN = 5


class EndedProgram(RuntimeError):
    """A user's code called `sys.exit` instead of answering."""

    def __init__(self, code: object) -> None:
        super().__init__(f"The model's code ended the program (sys.exit({code!r})) instead of answering.")
        self.code = code


_Settings = tuple[str, torch.dtype, TextIO, TextIO]
"""What a model may set for the whole process, and we depend on: the working folder, torch's default type, the standard streams."""


def _now() -> _Settings:
    try:
        folder = os.getcwd()
    except OSError:  # it was removed
        folder = ""
    return folder, torch.get_default_dtype(), sys.stdout, sys.stderr


def _put(settings: _Settings) -> None:
    folder, dtype, sys.stdout, sys.stderr = settings
    with suppress(OSError):  # it was removed in between
        os.chdir(folder)
    torch.set_default_dtype(dtype)


_theirs: _Settings | None = None
"""What the user's code has set, while ours runs."""
_imported: dict[str, _Settings | None] = {}
"""What the file of a spec has set when it was imported."""


def forget_settings() -> None:
    """Lets the next model begin with our settings."""
    global _theirs  # settings belong to the process
    _theirs = None


class UserCode:
    """A call of a user's code; or, with `loading`, the import of that spec, which starts with our settings.

    The working folder, torch's default type and the standard streams that it sets are restored afterwards, and set again for its next call.
    So a model that needs its settings has them, and nothing of ours, such as a relative path, depends on them. The gradient mode is
    restored, and not set again.

    Raises:
        EndedProgram: it called `sys.exit`.

    Cost: 5 microseconds.
    """

    __slots__ = ("_gradients", "_loading", "_ours")

    def __init__(self, *, loading: str | None = None) -> None:
        self._loading = loading

    def __enter__(self) -> None:
        self._ours, self._gradients = _now(), torch.is_grad_enabled()
        if _theirs is not None and self._loading is None:
            _put(_theirs)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        global _theirs  # settings belong to the process
        left = _now()
        changed = left != self._ours
        _theirs = left if changed else None
        if changed:
            _put(self._ours)
        if self._loading is not None:  # a file is imported once, and what it set then holds for every model that it makes
            _theirs = _imported.setdefault(self._loading, _theirs)
        if torch.is_grad_enabled() != self._gradients:
            torch.set_grad_enabled(self._gradients)
        if isinstance(error, SystemExit):
            raise EndedProgram(error.code) from error


def short_traceback(error: BaseException) -> str:
    """The last few places of the user's own code and the error itself, without the frames of this library and of the import system."""
    frames = list(traceback.TracebackException.from_exception(error).stack)
    while frames and (frames[0].filename.startswith((_OURS, "<frozen importlib")) or "importlib" in Path(frames[0].filename).parts):
        frames = frames[1:]
    return "".join([*traceback.StackSummary.from_list(frames[-_SHOWN:]).format(), *traceback.format_exception_only(error)]).rstrip()


def first_line(error: BaseException) -> str:
    """The error's type and the first line of its message."""
    return f"{type(error).__name__}: {str(error).strip().split(chr(10))[0][:300]}"
