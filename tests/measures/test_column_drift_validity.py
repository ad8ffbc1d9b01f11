"""Planted shifts of columns are found, and of samples that do not differ no column is called moved more often than stated."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from shiftproof import UsageError
from shiftproof._arrays import Floats
from shiftproof.measures.column_drift import categories_differ, column_differences, holm, numbers_differ

NAMES = ["age", "income", "hours", "sex", "job", "rare"]
CATEGORIES: list[tuple[str, ...]] = [(), (), (), ("f", "m"), tuple("abcd"), tuple("abcdefgh")]
PAIRS = 200


def sample(rng: np.random.Generator, n: int) -> Floats:
    """Columns with ties, heavy tails, gaps and rare categories: the hard corners."""
    hours = np.where(rng.random(n) < 0.6, 40.0, rng.integers(1, 99, n))
    income = rng.lognormal(3, 2, n)
    income[rng.random(n) < 0.1] = np.nan
    rare = rng.choice(8, n, p=[0.86, *[0.02] * 7])
    return np.stack([rng.normal(40, 10, n), income, hours, rng.integers(0, 2, n), rng.choice(4, n, p=[0.7, 0.1, 0.1, 0.1]), rare], axis=1)


def test_family_wise_error_is_at_most_what_is_stated() -> None:
    rng = np.random.default_rng(0)
    sizes = [(60, 60), (300, 80), (400, 400), (25, 300)]
    false = 0
    for pair in range(PAIRS):
        n, m = sizes[pair % len(sizes)]
        found = column_differences(sample(rng, n), sample(rng, m), NAMES, CATEGORIES)
        false += any(each.moved for each in found)
    assert stats.binomtest(false, PAIRS, 0.05, alternative="greater").pvalue > 0.01, f"{false} of {PAIRS}"


def test_planted_shifts_are_found_and_measured() -> None:
    rng = np.random.default_rng(1)
    first, second = sample(rng, 1000), sample(rng, 1000)
    second[:, 0] += 5.0
    second[:, 4] = rng.choice(4, 1000, p=[0.5, 0.3, 0.1, 0.1])
    found = {each.name: each for each in column_differences(first, second, NAMES, CATEGORIES)}
    assert {name for name, each in found.items() if each.moved} == {"age", "job"}
    assert found["age"].shift == pytest.approx(0.5, abs=0.15)  # 5 of a standard deviation of 10
    assert found["job"].distance == pytest.approx(0.2, abs=0.05)
    assert found["job"].largest is not None
    assert found["job"].largest[0] in ("a", "b")


def test_the_tests_are_those_of_scipy() -> None:
    rng = np.random.default_rng(2)
    one, two = rng.normal(size=50), rng.normal(0.5, size=70)
    assert numbers_differ(one, two) == (stats.ks_2samp(one, two).statistic, stats.ks_2samp(one, two).pvalue)
    codes = rng.integers(0, 3, 200), rng.integers(0, 3, 300)
    table = [np.bincount(each, minlength=3) for each in codes]
    assert categories_differ(*codes)[1] == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue)
    two_of_them = rng.integers(0, 2, 40), rng.integers(0, 2, 40)
    tables = [np.bincount(each, minlength=2) for each in two_of_them]
    assert categories_differ(*two_of_them)[1] == pytest.approx(stats.fisher_exact(tables).pvalue)


def test_holm_stops_at_the_first_that_is_not_rejected() -> None:
    assert holm([0.001, 0.02, 0.9, 0.026], 0.05) == [True, False, False, False]
    assert holm([0.001, 0.01, 0.04, 0.02], 0.05) == [True, True, True, True]
    assert holm([], 0.05) == []


def test_columns_without_values_and_samples_that_do_not_fit() -> None:
    gaps = np.full((5, 1), np.nan)
    (found,) = column_differences(gaps, np.ones((5, 1)), ["a"], [()])
    assert (found.moved, found.p_value) == (False, 1.0)
    with pytest.raises(UsageError, match="have rows of 2 columns"):
        column_differences(gaps, gaps, ["a", "b"], [(), ()])
