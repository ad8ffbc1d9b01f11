"""A limit of wall time on code that cannot look at a clock, such as the loading of libraries."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


class TimeEnded(BaseException):
    """The limit was reached; no `except Exception` of a library takes it."""


@contextmanager
def until(moment: float) -> Iterator[None]:
    """Raises `TimeEnded` in the code inside when the monotonic clock reaches `moment`, between two of its steps.

    For the main thread of a process of one's own. On Windows, which has no alarm, nothing is raised.
    """
    if sys.platform == "win32":
        yield
        return

    def stop(*_: object) -> None:
        raise TimeEnded

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, max(1e-3, moment - time.monotonic()))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
