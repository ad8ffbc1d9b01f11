"""Interrupts that come twice and are one."""

from __future__ import annotations

import signal
import time
from types import FrameType

_TWICE = 1.0
"""Seconds within which a signal that comes again is the same one: a terminal or a batch system may send it to every process of a group, and
the supervising process passes its own on."""


class Interrupted(KeyboardInterrupt):
    """A signal came."""


def by_signal(error: KeyboardInterrupt) -> bool:
    """Whether a signal brought it, and no `raise` in code that is not ours; told apart where our handler is in place."""
    return isinstance(error, Interrupted) or not isinstance(signal.getsignal(signal.SIGINT), Once)


class Once:
    """A signal handler that raises Interrupted, once for each press of Ctrl-C."""

    def __init__(self) -> None:
        self._last = -_TWICE

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Called by Python with the signal's number and the frame that it came in."""
        before, self._last = self._last, time.monotonic()
        if self._last - before >= _TWICE:
            raise Interrupted
