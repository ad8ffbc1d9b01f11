"""The harness of every stated confidence: plant a truth, count how often it is missed, and test the count.

A test draws many samples of a known law, at the hard corners (`SIZES`, few and many `GROUPS`, ties, shares near 0), and hands the intervals
to `assert_interval`, or yes and no to `assert_covers`. What no test can plant here is not promised in a docstring.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt
from scipy.stats import binom

ALARM = 1e-5
"""How improbable the count must be, were the interval valid, before a test calls it invalid."""

SIZES = (5, 20, 100)
GROUPS = (2, 5, 50)
RARE = 0.02
"""A share near 0: of a class, a group or a failure."""
_ROUNDING = 1e-9

Draw = Callable[[np.random.Generator, tuple[int, ...]], npt.NDArray[np.float64]]


def bernoulli(p: float) -> Draw:
    return lambda rng, shape: (rng.random(shape) < p).astype(np.float64)


def flat(level: float) -> Draw:
    return lambda rng, shape: np.full(shape, level)


def beta(a: float, b: float) -> Draw:
    return lambda rng, shape: rng.beta(a, b, shape)


def rarely_other(p: float) -> Draw:
    """0 or 1 evenly, and 1/2 with probability p."""

    def draw(rng: np.random.Generator, shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
        return np.where(rng.random(shape) < p, 0.5, (rng.random(shape) < 0.5).astype(np.float64))

    return draw


MEANS: dict[str, tuple[Draw, float]] = {
    "never": (bernoulli(0.0), 0.0),
    "always": (bernoulli(1.0), 1.0),
    "even": (bernoulli(0.5), 0.5),
    "rare": (bernoulli(0.001), 0.001),
    "nearly always": (bernoulli(0.97), 0.97),
    "flat": (flat(0.5), 0.5),
    "uniform": (beta(1, 1), 0.5),
    "low": (beta(0.2, 3), 0.2 / 3.2),
    "narrow": (beta(60, 20), 0.75),
    "mostly binary": (rarely_other(0.02), 0.5),
}
"""Distributions on [0, 1] with their true means: the corners, and some between."""


def assert_covers(missed: npt.ArrayLike, allowed: float) -> None:
    """Raises where more were missed than an interval that misses with probability at most `allowed` would, but for a chance of `ALARM`."""
    runs = np.asarray(missed, dtype=bool)
    count = int(runs.sum())
    chance = float(binom.sf(count - 1, runs.size, allowed))
    if chance < ALARM:
        raise AssertionError(
            f"missed {count} of {runs.size}, {count / runs.size:.4f} against {allowed:g} allowed (probability {chance:.1g})"
        )


def assert_interval(intervals: Iterable[tuple[float, float]], truth: float | npt.ArrayLike, confidence: float) -> None:
    """Raises where intervals miss the truth more often than they may: each end by itself, and both together.

    Args:
        intervals: one for each sample drawn; NaN ends say nothing and miss nothing.
        truth: what each should hold: one number, or one for each sample.
        confidence: what they promise together; each end may miss half as often as both.
    """
    low, high = np.array(list(intervals), dtype=np.float64).T
    held = np.broadcast_to(np.asarray(truth, dtype=np.float64), low.shape)
    below, above = held < low - _ROUNDING, held > high + _ROUNDING
    for missed, allowed in ((below, (1 - confidence) / 2), (above, (1 - confidence) / 2), (below | above, 1 - confidence)):
        assert_covers(missed, allowed)
