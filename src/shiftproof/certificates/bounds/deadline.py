"""Deadlines on one clock."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

Clock = Callable[[], float]


@dataclass(frozen=True)
class Deadline:
    """A moment of a clock.

    Args:
        at: the moment, in the clock's seconds.
        clock: wall time, or `time.process_time` to count this process's own computing only, as on a machine that others use.
    """

    at: float = math.inf
    clock: Clock = time.monotonic

    @classmethod
    def within(cls, seconds: float, clock: Clock = time.monotonic) -> Deadline:
        """So many seconds from now."""
        return cls(clock() + seconds, clock)

    @property
    def left(self) -> float:
        """Seconds until then, 0 after it."""
        return max(0.0, self.at - self.clock())

    @property
    def over(self) -> bool:
        """Whether it has passed."""
        return self.clock() >= self.at

    def share(self, part: float) -> Deadline:
        """The moment at which this share of what is left is used up."""
        return self if math.isinf(self.at) else Deadline(self.clock() + part * self.left, self.clock)


NEVER = Deadline()
