"""Paired timing: a thing and what it is measured against take turns, so that a drift of the machine cancels in the ratio."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """A ratio of CPU times: median, least and greatest over the repeats. Below 1 is faster than what it is measured against."""

    what: str
    against: str
    ratio: float
    low: float
    high: float
    seconds: float
    repeats: int


def ratio(what: str, ours: Callable[[], object], against: str, other: Callable[[], object], repeats: int) -> Figure:
    """Times both in turn, once unmeasured and then `repeats` times."""
    ours(), other()
    pairs = [(cpu(ours), cpu(other)) for _ in range(repeats)]
    ratios = sorted(a / b for a, b in pairs)
    return Figure(what, against, statistics.median(ratios), ratios[0], ratios[-1], statistics.median(a for a, _ in pairs), repeats)


def not_measured(what: str, against: str) -> Figure:
    """Stands in the list for what could not be run, so that it is not dropped without a word."""
    return Figure(what, against, math.nan, math.nan, math.nan, math.nan, 0)


def cpu(work: Callable[[], object]) -> float:
    """CPU seconds of this process."""
    began = time.process_time()
    work()
    return time.process_time() - began
