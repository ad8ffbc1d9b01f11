"""Errors of code that is not ours, shown short."""

from __future__ import annotations

import traceback
from pathlib import Path

_OURS = str(Path(__file__).parents[1])
_SHOWN = 5


def short_traceback(error: BaseException) -> str:
    """The last few places of the user's own code and the error itself, without the frames of this library and of the import system."""
    frames = list(traceback.TracebackException.from_exception(error).stack)
    while frames and (frames[0].filename.startswith((_OURS, "<frozen importlib")) or "importlib" in Path(frames[0].filename).parts):
        frames = frames[1:]
    return "".join([*traceback.StackSummary.from_list(frames[-_SHOWN:]).format(), *traceback.format_exception_only(error)]).rstrip()


def first_line(error: BaseException) -> str:
    """The error's type and the first line of its message."""
    return f"{type(error).__name__}: {str(error).strip().split(chr(10))[0][:300]}"
