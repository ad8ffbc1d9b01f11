"""The error of any figures of test samples, by drawing the samples' examples anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from shiftproof._arrays import Ints


def resampled(
    told: Callable[[Mapping[str, Ints]], Mapping[str, float]], sizes: Mapping[str, int], numbers: np.random.Generator, *, draws: int = 100
) -> dict[str, float]:
    """The bootstrap's standard error of each figure that `told` gives.

    Args:
        told: the figures, from the rows of each sample that count, with repetition. Even places of rows hold rows of even numbers, and odd
            ones odd, so that halves which are kept apart stay apart.
        sizes: how many examples each sample has.
        numbers: the chance.
        draws: of all samples.

    >>> flags = np.arange(400) < 100
    >>> error = resampled(lambda rows: {"share": float(flags[rows["test"]].mean())}, {"test": 400}, np.random.default_rng(0), draws=500)
    >>> abs(error["share"] - (0.25 * 0.75 / 400) ** 0.5) < 0.002
    True
    """
    found: dict[str, list[float]] = {}
    for _ in range(draws):
        rows: dict[str, Ints] = {}
        for name, size in sizes.items():
            drawn = np.empty(size, dtype=np.int64)
            for start in (0, 1):
                count = len(drawn[start::2])
                drawn[start::2] = start + 2 * numbers.integers(0, count, count)
            rows[name] = drawn
        for name, value in told(rows).items():
            found.setdefault(name, []).append(value)
    return {name: float(np.std(values, ddof=1)) for name, values in found.items()}
