"""How far a column's numbers spread, read from the quantiles that its table was seen to have."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shiftproof._arrays import Floats
from shiftproof._errors import UsageError
from shiftproof.data.space import Column

NORMAL = 1.3489795
"""Distance of the quartiles of a normal distribution, in standard deviations."""
_TAILS = 3.2897073
"""The same of its quantiles 0.05 and 0.95."""


def quantiles_of(column: Column, name: str) -> Floats:
    """The observed quantiles of a column of numbers, evenly spaced from the least to the greatest.

    Raises:
        UsageError: they are not known.
    """
    if not column.quantiles:
        raise UsageError(f"{name} needs the quantiles of '{column.name}', which tables read by csv:, parquet: or from a data frame have.")
    return np.array(column.quantiles)


def robust_sd(quantiles: Sequence[float] | Floats) -> float:
    """A standard deviation from the quartiles, or from the quantiles 0.05 and 0.95 where the quartiles are equal; 0 where these are too.

    >>> round(robust_sd(np.linspace(0, 1.3489795, 101)), 6)
    0.5
    """
    low, first, third, high = np.quantile(np.asarray(quantiles), [0.05, 0.25, 0.75, 0.95]).tolist()
    return float((third - first) / NORMAL if third > first else (high - low) / _TAILS)


def rank_of(values: Floats, quantiles: Floats) -> Floats:
    """The share of the table below each value, in [0, 1]; of a value that is frequent, the middle of its ranks.

    >>> rank_of(np.array([0.0, 5.0, 10.0]), np.array([0.0, 0.0, 0.0, 10.0, 20.0])).tolist()
    [0.25, 0.625, 0.75]
    """
    left, right = np.searchsorted(quantiles, values, side="left"), np.searchsorted(quantiles, values, side="right")
    last = len(quantiles) - 1
    tied = (left + right - 1) / 2
    below = np.clip(left - 1, 0, last - 1)
    gap = quantiles[below + 1] - quantiles[below]
    between = below + np.divide(values - quantiles[below], gap, out=np.zeros_like(values), where=gap > 0)
    found: Floats = np.clip(np.where(right > left, tied, between), 0, last) / last
    return found


def value_at(ranks: Floats, quantiles: Floats) -> Floats:
    """The value at each rank in [0, 1]."""
    found: Floats = np.interp(ranks * (len(quantiles) - 1), np.arange(len(quantiles)), quantiles)
    return found
