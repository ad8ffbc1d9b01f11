"""Which columns of a table differ between two samples: one test per column, paid for together, each with its size."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shiftproof._arrays import Floats
from shiftproof._errors import must
from shiftproof.shifts.tabular.spread import robust_sd

RARE = 5.0
"""Expected examples of a category below which it is counted with the other rare ones."""
_SMALL = 2


@dataclass(frozen=True)
class ColumnDifference:
    """How one column differs.

    Args:
        name: the column.
        kind: "numbers" or "categories".
        distance: of numbers the largest difference of the two distribution functions (Kolmogorov-Smirnov), of categories the total
            variation distance; both in [0, 1].
        shift: of numbers, how far the median moved, in robust standard deviations of the first sample; NaN of categories.
        p_value: of the column's own test, before the others are paid for.
        moved: whether the column differs, after Holm's correction over all columns.
        largest: of categories, the one whose share changed most, with both shares; None of numbers.
    """

    name: str
    kind: str
    distance: float
    shift: float
    p_value: float
    moved: bool
    largest: tuple[str, float, float] | None = None


def holm(p_values: Sequence[float], level: float) -> list[bool]:
    """Which of several hypotheses are rejected, so that none is wrongly with probability 1 - level (Holm 1979 [holm1979simple]).

    >>> holm([0.01, 0.04, 0.03], 0.05)
    [True, False, False]
    """
    order = np.argsort(p_values, kind="stable")
    rejected = [False] * len(p_values)
    for step, place in enumerate(order.tolist()):
        if p_values[place] > level / (len(p_values) - step):
            break
        rejected[place] = True
    return rejected


def numbers_differ(first: Floats, second: Floats) -> tuple[float, float]:
    """The Kolmogorov-Smirnov distance of two samples and its p value, exact where they are small.

    With ties the test is conservative: it is wrong less often than it says.
    """
    from scipy import stats

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # it says where it leaves the exact for the asymptotic distribution
        found = stats.ks_2samp(first, second)
    return float(found.statistic), float(found.pvalue)


def categories_differ(first: npt.NDArray[np.int64], second: npt.NDArray[np.int64]) -> tuple[float, float]:
    """The total variation distance of two samples of codes, and the p value of the chi-square test of their shares.

    Categories that fewer than 5 examples are expected of are one for the test; where two are left, it is Fisher's exact test.
    """
    from scipy import stats

    count = int(max(first.max(initial=0), second.max(initial=0))) + 1
    table = np.stack([np.bincount(codes, minlength=count) for codes in (first, second)]).astype(np.float64)
    shares = table / table.sum(1, keepdims=True)
    distance = float(np.abs(shares[0] - shares[1]).sum() / 2)
    expected = table.sum(0) * table.sum(1).min() / table.sum()
    rare = expected < RARE
    pooled = np.concatenate([table[:, ~rare], table[:, rare].sum(1, keepdims=True)], axis=1)
    pooled = pooled[:, pooled.sum(0) > 0]
    if pooled.shape[1] < _SMALL:
        return distance, 1.0
    if pooled.shape[1] == _SMALL:
        return distance, float(stats.fisher_exact(pooled.astype(np.int64)).pvalue)
    return distance, float(stats.chi2_contingency(pooled, correction=False).pvalue)


def column_differences(
    first: Floats, second: Floats, names: Sequence[str], categories: Sequence[Sequence[str]], *, confidence: float = 0.95
) -> list[ColumnDifference]:
    """How every column differs between two samples.

    Args:
        first: n rows, shape (n, columns); categories as codes, missing numbers as NaN, which are left out.
        second: m rows of the same columns.
        names: of the columns.
        categories: of each column the names of its codes; empty for numbers.
        confidence: with it, no column that did not move is called moved, all columns together.

    Raises:
        UsageError: the samples have other columns than names, or no rows.
    """
    if first.shape[1:] != (len(names),) or second.shape[1:] != (len(names),) or not len(first) or not len(second):
        raise must("samples", "column_differences", f"have rows of {len(names)} columns", (first.shape, second.shape))
    made = [_one(first[:, i], second[:, i], name, categories[i]) for i, name in enumerate(names)]
    moved = holm([each.p_value for each in made], 1 - confidence)
    return [ColumnDifference(**{**vars(each), "moved": yes}) for each, yes in zip(made, moved, strict=True)]


def _one(first: Floats, second: Floats, name: str, categories: Sequence[str]) -> ColumnDifference:
    if not categories:
        own, other = first[~np.isnan(first)], second[~np.isnan(second)]
        if not len(own) or not len(other):
            return ColumnDifference(name, "numbers", np.nan, np.nan, 1.0, False)
        distance, p_value = numbers_differ(own, other)
        spread = robust_sd(own)
        shift = float(np.median(other) - np.median(own)) / spread if spread > 0 else np.nan
        return ColumnDifference(name, "numbers", distance, shift, p_value, False)
    codes = [np.rint(column).astype(np.int64) for column in (first, second)]
    distance, p_value = categories_differ(*codes)
    shares = [np.bincount(each, minlength=len(categories)) / len(each) for each in codes]
    most = int(np.abs(shares[1] - shares[0]).argmax())
    largest = (categories[most], float(shares[0][most]), float(shares[1][most]))
    return ColumnDifference(name, "categories", distance, np.nan, p_value, False, largest)
