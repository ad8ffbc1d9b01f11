"""Two counts: what was asked of a model's budget, and how many rows reached the user's own code."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Meter:
    """Counts while it is open, see `metering`.

    `asked` is what searches spent of their budgets, in forwards. `sent` is the number of rows handed to models: rows that fill a batch
    up, requests tried again and looks before any work are among them, and a row whose answer was stored is not. `by_model` has it by name.
    """

    def __init__(self) -> None:
        self.asked = 0
        self.sent = 0
        self.by_model: Counter[str] = Counter()
        self._lock = threading.Lock()

    def ask(self, forwards: int) -> None:
        """Books questions."""
        with self._lock:
            self.asked += forwards

    def send(self, model: str, rows: int) -> None:
        """Books rows that are about to reach the model of this name."""
        with self._lock:
            self.sent += rows
            self.by_model[model] += rows


_OPEN: ContextVar[tuple[Meter, ...]] = ContextVar("shiftproof_meters", default=())
_ASKS: ContextVar[bool] = ContextVar("shiftproof_asks", default=True)


@contextmanager
def metering(meter: Meter | None = None) -> Iterator[Meter]:
    """Counts into `meter` (a new one by default) what is asked and sent meanwhile; meters that are open already go on counting.

    >>> with metering() as meter:
    ...     sending("mine", 8)
    >>> meter.sent
    8
    """
    meter = meter or Meter()
    before = _OPEN.get()
    token = _OPEN.set(before if meter in before else (*before, meter))
    try:
        yield meter
    finally:
        _OPEN.reset(token)


@contextmanager
def uncounted() -> Iterator[None]:
    """What runs meanwhile is a part of this library's side, such as a denoiser in front of the model."""
    token = _OPEN.set(())
    try:
        yield
    finally:
        _OPEN.reset(token)


@contextmanager
def unasked() -> Iterator[None]:
    """What is asked meanwhile is no measurement, as in training: it is booked on no budget; rows that are sent are booked."""
    token = _ASKS.set(False)
    try:
        yield
    finally:
        _ASKS.reset(token)


def open_meters() -> tuple[Meter, ...]:
    """The meters that count now."""
    return _OPEN.get()


def asking(forwards: int) -> None:
    """Books questions with every open meter."""
    for meter in _OPEN.get() if _ASKS.get() else ():
        meter.ask(forwards)


def sending(model: str, rows: int) -> None:
    """Books rows with every open meter, right before they reach the user's code."""
    for meter in _OPEN.get():
        meter.send(model, rows)


@contextmanager
def sending_unless_within(model: str, rows: int) -> Iterator[None]:
    """Books rows that reached the model of this name, unless they reached another one inside it, which has booked them."""
    meters = _OPEN.get()
    before = meters[0].sent if meters else 0
    yield
    if meters and meters[0].sent == before:
        sending(model, rows)
