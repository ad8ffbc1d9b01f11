"""What a study measures, with the chance in it: of the test sample within a seed, of training and drawing between seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shiftproof._errors import must
from shiftproof.outcomes import Interval
from shiftproof.records.study import Unit

RANGES: dict[Unit, tuple[float, float]] = {
    "share": (0.0, 1.0),
    "points": (-1.0, 1.0),
    "correlation": (-1.0, 1.0),
    "amount": (0.0, math.inf),
    "number": (-math.inf, math.inf),
}
"""What a figure in each unit can be."""


@dataclass(frozen=True)
class Quantity:
    """One figure of one seed.

    Args:
        value: the figure; shares are in [0, 1], so that ten points are 0.1.
        error: its standard error by the sample it was measured on; 0 where it is exact.
        unit: a share, a difference of shares, a correlation, an amount, which is never negative (a count, a distance, a ratio of such), or
            a number of any other kind.
    """

    value: float
    error: float = 0.0
    unit: Unit = "number"

    def __post_init__(self) -> None:
        if not math.isfinite(self.value) or not 0 <= self.error < math.inf:
            raise must("value and error", "a quantity", "be finite numbers, the error at least 0", (self.value, self.error))
        least, most = RANGES[self.unit]
        if not least <= self.value <= most:
            raise must("value", f"a quantity in {self.unit}", f"be in [{least:g}, {most:g}]", self.value)


def share(right: npt.ArrayLike) -> Quantity:
    """The share of examples for which something holds, from one truth value an example, shape (n,).

    >>> share([True, True, False, True]).value
    0.75
    """
    found = np.asarray(right, dtype=bool)
    n = len(found)
    if not n:
        raise must("examples", "a share", "be at least one", 0)
    middle = (found.sum() + 2) / (n + 4)  # Agresti and Coull's: all or none of a few examples is not certainty
    return Quantity(float(found.mean()), math.sqrt(middle * (1 - middle) / n), "share")


def difference(first: npt.ArrayLike, second: npt.ArrayLike) -> Quantity:
    """Share of the first less share of the second on the same examples: paired, shapes (n,).

    >>> difference([True, True, True, False], [True, False, True, False]).value
    0.25
    """
    a, b = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    if a.shape != b.shape or not len(a):
        raise must("examples", "a paired difference", "be the same for both, and at least one", (a.shape, b.shape))
    n = len(a)
    only, other = (a & ~b).sum() + 0.5, (b & ~a).sum() + 0.5  # half an example of each kind, as above
    error = math.sqrt((only + other - (only - other) ** 2 / (n + 2)) / (n + 2) / n)
    return Quantity(float(a.mean() - b.mean()), error, "points")


def less(first: Quantity, second: Quantity) -> Quantity:
    """A difference of shares whose errors count as independent: too wide, never too narrow, where both are of the same examples.

    >>> less(Quantity(0.9, 0.03, "share"), Quantity(0.7, 0.04, "share")).error
    0.05
    """
    return Quantity(first.value - second.value, math.hypot(first.error, second.error), "points")


def ratio(first: Quantity, second: Quantity) -> Quantity:
    """The first over the second, whose errors count as independent; the error by the delta method.

    >>> found = ratio(Quantity(0.4, 0.03, "share"), Quantity(0.5, 0.05, "share"))
    >>> found.value, round(found.error, 6)
    (0.8, 0.1)
    """
    if not first.value >= 0 < second.value:
        raise must("values", "a ratio", "be at least 0, the second above 0", (first.value, second.value))
    value = first.value / second.value
    return Quantity(value, math.hypot(first.error, value * second.error) / second.value, "amount")


def mean(quantities: Sequence[Quantity]) -> Quantity:
    """The mean of quantities of independent samples."""
    errors = np.array([q.error for q in quantities])
    return Quantity(float(np.mean([q.value for q in quantities])), float(np.sqrt((errors**2).sum()) / len(errors)), quantities[0].unit)


def over_seeds(quantities: Sequence[Quantity], *, confidence: float) -> Interval:
    """The interval of a quantity measured once for each of k >= 2 seeds.

    mean +- sqrt((t s / sqrt(k))^2 + (z e)^2): Student's t for the spread s between seeds, and the normal quantile for the mean error e of
    the sample, which all seeds share and which more seeds therefore do not shrink. Where each seed has a sample of its own, the second
    part is counted twice: the interval is then too wide, never too narrow. Its ends stay within what the unit allows: [0, 1] for a share,
    [-1, 1] for a difference of shares or a correlation, at least 0 for an amount.

    >>> low, high = over_seeds([Quantity(0.5), Quantity(0.6), Quantity(0.7)], confidence=0.95)
    >>> round(low, 3), round(high, 3)
    (0.352, 0.848)
    """
    from scipy import stats

    k = len(quantities)
    if k < 2:
        raise must("seeds", "a study", "be at least 2", k, "One training cannot say how much chance there is in training.")
    values = np.array([q.value for q in quantities])
    tail = (1 - confidence) / 2
    spread = float(stats.t.isf(tail, k - 1)) * values.std(ddof=1) / math.sqrt(k)
    sample = float(stats.norm.isf(tail)) * np.mean([q.error for q in quantities])
    half = math.hypot(spread, sample)
    least, most = RANGES[quantities[0].unit]
    return Interval(max(float(values.mean()) - half, least), min(float(values.mean()) + half, most))
