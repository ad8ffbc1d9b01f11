"""Runs a command in a child process that a parent watches: a model that ends the child cannot fake the exit code of a verdict."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

import click

from shiftproof._interrupt import Once

UNJUDGED = 2
_KILLED = 128
_FORWARDED = [getattr(signal, f"SIG{name}") for name in ("INT", "TERM", "HUP", "QUIT", "USR1", "USR2") if sys.platform != "win32"]
_PR_SET_PDEATHSIG = 1
_KEPT = "Finished cells are kept: the same command goes on from there."


def can_supervise() -> bool:
    """Whether this process is fresh: a fork would carry torch's threads over in an undefined state. Windows has no fork."""
    return sys.platform != "win32" and "torch" not in sys.modules


def supervised(work: Callable[[], int]) -> int:
    """The exit code that `work` comes to, run in a child process; 2 where the child ended before it said one.

    A model can end its process with exit code 0 in ways that Python does not see: `os._exit`, C's `exit`, a thread, a handler of `atexit`.
    So the code counts that the child sends just before it ends, and no other. Where a signal ended it, the code is 128 + its number, as
    shells have it. Signals for this process are passed on; where this process dies, the child is killed.

    Cost: 10 ms and 15 MB.
    """
    told, tell = os.pipe()
    lifeline, held = os.pipe()
    us = os.getpid()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _FORWARDED)  # none is lost between the fork and the handlers
    child = os.fork()
    if not child:
        os.close(told)
        os.close(held)
        _die_with(us, lifeline)
        signal.signal(signal.SIGINT, Once())
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        code = work()
        os.write(tell, bytes([code]))
        return code
    os.close(tell)
    os.close(lifeline)
    for number in _FORWARDED:
        signal.signal(number, lambda number, _: _pass_on(child, number))
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    _, status = os.waitpid(child, 0)
    return _code(told, status)


def _pass_on(child: int, number: int) -> None:
    with suppress(ProcessLookupError):  # it has just ended
        os.kill(child, number)


def _die_with(parent: int, lifeline: int) -> None:
    """Has this process killed when `parent` dies, whatever it is doing then."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
    else:
        threading.Thread(target=_kill_at_end_of, args=(lifeline,), daemon=True).start()


def _kill_at_end_of(lifeline: int) -> None:
    """Waits for the end of the process that holds the other end of the pipe, then kills this one."""
    os.read(lifeline, 1)
    os.kill(os.getpid(), signal.SIGKILL)


def _code(told: int, status: int) -> int:
    os.set_blocking(told, False)  # a process that the model left behind may hold the other end
    try:
        said = os.read(told, 1)
    except BlockingIOError:
        said = b""
    if said:
        return said[0]
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        why = " Was there no memory left?" if number == signal.SIGKILL else ""
        click.echo(f"shiftproof: Signal {signal.Signals(number).name} ended the run before its verdict.{why} {_KEPT}", err=True)
        return _KILLED + number
    click.echo(
        f"shiftproof: The process ended itself (exit status {os.WEXITSTATUS(status)}) before its verdict: no condition was judged. "
        f"Does the model, or code that it loads, call os._exit() or exit()? {_KEPT}",
        err=True,
    )
    return UNJUDGED
