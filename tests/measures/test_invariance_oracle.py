"""Invariance of regressions against two fits by hand, and its test against its law."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from shiftproof import UsageError
from shiftproof.measures.invariance import invariance


def test_gap_and_slopes_are_those_of_fits_by_hand() -> None:
    numbers = np.random.default_rng(0)
    x = numbers.normal(size=(60, 2))
    groups = np.array(["b", "a"] * 30)
    y = x @ np.array([1.0, 2.0]) + 0.5 * (groups == "a") * x[:, 0] + 0.1 * numbers.normal(size=60)
    found = invariance(x, y, groups)
    assert found.groups == ("a", "b")
    gaps = []
    for place, name in enumerate(found.groups):
        here = groups == name
        own = np.linalg.inv(x[here].T @ x[here]) @ x[here].T @ y[here]
        assert found.slopes[place] == pytest.approx(own)
        gaps.append(((y[here] - x[here] @ found.pooled) ** 2).mean() - ((y[here] - x[here] @ own) ** 2).mean())
    assert found.gap == pytest.approx(max(gaps))
    assert found.p_value < 1e-6


def test_the_p_value_is_uniform_where_nothing_differs() -> None:
    numbers = np.random.default_rng(1)
    groups = np.repeat(["a", "b", "c"], 12)
    p = []
    for _ in range(400):
        x = numbers.normal(size=(36, 2))
        p.append(invariance(x, x @ np.array([1.0, -1.0]) + numbers.normal(size=36), groups).p_value)
    assert stats.kstest(p, "uniform").pvalue > 1e-3


def test_what_cannot_be_compared_is_refused() -> None:
    x, y = np.ones((4, 1)), np.ones(4)
    with pytest.raises(UsageError, match="have shape .n, k. with n targets and n groups"):
        invariance(x[:, 0], y, ["a"] * 4)
    with pytest.raises(UsageError, match="'groups' of invariance must be at least two, of more than 1 rows each"):
        invariance(x, y, ["a", "a", "a", "b"])
    with pytest.raises(UsageError, match="be finite, got 'NaN or infinite ones"):
        invariance(x * np.nan, y, ["a", "a", "b", "b"])
