"""How many requests are under way at once, and how many there may be in all."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from shiftproof.models.posting import GivenUp

FIRST = 2


class Throttle:
    """Lets so many requests through at once as the endpoint bears: one more after each full round of answers, half at a failure.

    Args:
        most: the largest number.
    """

    def __init__(self, most: int) -> None:
        self.most, self.width = most, min(FIRST, most)
        self._inside, self._good, self._until = 0, 0, 0.0
        self._change = threading.Condition()

    def __getstate__(self) -> dict[str, object]:
        return {"most": self.most}

    def __setstate__(self, state: dict[str, int]) -> None:
        Throttle.__init__(self, state["most"])

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Waits until there is room, and until a pause that was asked for is over."""
        with self._change:
            while self._inside >= self.width or time.monotonic() < self._until:
                self._change.wait(timeout=max(0.001, min(0.1, self._until - time.monotonic())))
            self._inside += 1
        try:
            yield
        finally:
            with self._change:
                self._inside -= 1
                self._change.notify_all()

    def widen(self) -> None:
        """An answer came."""
        with self._change:
            self._good += 1
            if self._good >= self.width:
                self.width, self._good = min(self.most, self.width + 1), 0
                self._change.notify_all()

    def narrow(self, pause: float | None) -> None:
        """A request failed in a way that may pass; the endpoint may have asked for a pause of so many seconds."""
        with self._change:
            self.width, self._good = max(1, self.width // 2), 0
            self._until = max(self._until, time.monotonic() + (pause or 0.0))


class Spending:
    """What was spent of a budget of requests and of tokens; None for no limit."""

    def __init__(self, most_requests: int | None, most_tokens: int | None) -> None:
        self._most_requests, self._most_tokens = most_requests, most_tokens
        self.requests = self.tokens = 0
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, object]:
        return {"requests": self._most_requests, "tokens": self._most_tokens}

    def __setstate__(self, state: dict[str, int | None]) -> None:
        Spending.__init__(self, state["requests"], state["tokens"])

    @contextmanager
    def one(self, owner: str) -> Iterator[None]:
        """Books a request.

        Raises:
            GivenUp: the budget is spent.
        """
        with self._lock:
            requests, tokens = self._most_requests, self._most_tokens
            if requests is not None and self.requests >= requests:
                raise GivenUp(f"The budget of {requests} requests to the {owner} is spent. Raise --max-requests, and run again to go on.")
            if tokens is not None and self.tokens >= tokens:
                raise GivenUp(f"The budget of {tokens} tokens of the {owner} is spent. Raise --max-tokens, and run again to go on.")
            self.requests += 1
        yield

    def add(self, tokens: int) -> None:
        """Books the tokens of an answer."""
        with self._lock:
            self.tokens += tokens
