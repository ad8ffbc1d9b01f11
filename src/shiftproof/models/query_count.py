"""Two counts: what was asked of a model's budget, and how many rows reached the user's own code."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class QueryCount:
    """Counts while it is open, see `counting_queries`.

    `asked` is what searches spent of their budgets, in forwards. `sent` is the number of rows handed to models: rows that fill a batch
    up, requests tried again and looks before any work are among them, and a row whose answer was stored is not. `by_model` has it by name.
    `tokens` are those of answers and questions, as an endpoint counts them.
    """

    def __init__(self) -> None:
        self.asked = 0
        self.sent = 0
        self.tokens = 0
        self.by_model: Counter[str] = Counter()
        self._lock = threading.Lock()

    def add_asked(self, forwards: int) -> None:
        """Adds to `asked`."""
        with self._lock:
            self.asked += forwards

    def add_sent(self, model: str, rows: int) -> None:
        """Adds rows that are about to reach the model of this name."""
        with self._lock:
            self.sent += rows
            self.by_model[model] += rows

    def add_tokens(self, tokens: int) -> None:
        """Adds tokens that an endpoint counted."""
        with self._lock:
            self.tokens += tokens


_OPEN: ContextVar[tuple[QueryCount, ...]] = ContextVar("shiftproof_query_counts", default=())
_ASKED_COUNTS: ContextVar[bool] = ContextVar("shiftproof_asked_counts", default=True)


@contextmanager
def counting_queries(count: QueryCount | None = None) -> Iterator[QueryCount]:
    """Counts into `count` (a new one by default) what is asked and sent inside the block; counts that are open already continue.

    >>> with counting_queries() as count:
    ...     count_sent("mine", 8)
    >>> count.sent
    8
    """
    count = count or QueryCount()
    before = _OPEN.get()
    token = _OPEN.set(before if count in before else (*before, count))
    try:
        yield count
    finally:
        _OPEN.reset(token)


@contextmanager
def uncounted() -> Iterator[None]:
    """Counts nothing inside the block: what runs there is the library's own, such as a denoiser before the model."""
    token = _OPEN.set(())
    try:
        yield
    finally:
        _OPEN.reset(token)


@contextmanager
def unasked() -> Iterator[None]:
    """Adds nothing to `asked` inside the block, as training is not a measurement; rows that are sent are counted."""
    token = _ASKED_COUNTS.set(False)
    try:
        yield
    finally:
        _ASKED_COUNTS.reset(token)


def open_counts() -> tuple[QueryCount, ...]:
    """The counts that are open now."""
    return _OPEN.get()


def count_asked(forwards: int) -> None:
    """Adds forwards to `asked` of every open count."""
    for count in _OPEN.get() if _ASKED_COUNTS.get() else ():
        count.add_asked(forwards)


def count_sent(model: str, rows: int) -> None:
    """Adds rows to `sent` of every open count, right before they reach the user's code."""
    for count in _OPEN.get():
        count.add_sent(model, rows)


def count_tokens(tokens: int) -> None:
    """Adds tokens that an endpoint counted to every open count."""
    for count in _OPEN.get():
        count.add_tokens(tokens)


@contextmanager
def count_sent_unless_inside(model: str, rows: int) -> Iterator[None]:
    """Adds rows that reached the model of this name, unless a model inside it has counted them."""
    counts = _OPEN.get()
    before = counts[0].sent if counts else 0
    yield
    if counts and counts[0].sent == before:
        count_sent(model, rows)
