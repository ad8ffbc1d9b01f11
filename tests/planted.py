"""Plants a truth, counts how often an interval misses it, and says whether that is more than the interval allows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.stats import binom

ALARM = 1e-5
"""How improbable the count must be, were the interval valid, before a test calls it invalid."""

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
