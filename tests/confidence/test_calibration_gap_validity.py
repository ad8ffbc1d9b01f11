"""The test of calibration errs as seldom as it says, and the interval contains the gap, at the hard corners."""

from __future__ import annotations

import numpy as np
import pytest

from planted_confidence import TIES, confidences
from shiftproof.confidence.calibration_gap import calibration_gap, class_gaps, poisson_binomial_ends, poisson_binomial_tail, worst_group
from validity import SIZES, assert_covers

RUNS = 400


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("ties", TIES)
def test_a_calibrated_model_is_rejected_as_seldom_as_stated(n: int, ties: str) -> None:
    rng = np.random.default_rng(n)
    gaps = [calibration_gap(c, rng.random(n) < c) for c in confidences(rng, (RUNS, n), ties)]
    for alpha in (0.05, 0.2):
        assert_covers([gap.p <= alpha for gap in gaps], alpha)
    assert_covers([gap.interval.low > 0 for gap in gaps], 0.05)
    assert all((gap.p > 0.05) == (gap.interval.low == 0) for gap in gaps)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("bent", [0.5, 3.0])
def test_the_interval_contains_the_gap_of_a_miscalibrated_model(n: int, ties: str, bent: float) -> None:
    rng = np.random.default_rng(n)
    missed = []
    for c in confidences(rng, (RUNS, n), ties):
        truth = c**bent
        gap = calibration_gap(c, rng.random(n) < truth, bins=3)
        cuts = np.sort(c)[[n // 3, 2 * n // 3]]
        place = np.searchsorted(cuts, c, side="right")
        exact = sum(abs((truth - c)[place == b].sum()) for b in range(3)) / n
        missed.append(not gap.interval.low - 1e-9 <= exact <= gap.interval.high + 1e-9)
    assert_covers(missed, 0.05)


def test_planted_overconfidence_is_found() -> None:
    rng = np.random.default_rng(0)
    found = [calibration_gap(c, rng.random(300) < c - 0.15).p <= 0.05 for c in rng.uniform(0.6, 1, (200, 300))]
    assert np.mean(found) > 0.9


def test_the_value_of_a_calibrated_model_is_below_the_usual_figure() -> None:
    rng = np.random.default_rng(0)
    gaps = [calibration_gap(c, rng.random(100) < c) for c in rng.beta(4, 1, (300, 100))]
    assert np.mean([gap.value for gap in gaps]) < 0.6 * np.mean([gap.raw for gap in gaps])


@pytest.mark.parametrize("groups", [2, 10, 50])
def test_the_worst_group_of_a_calibrated_model_is_not_called_miscalibrated(groups: int) -> None:
    rng = np.random.default_rng(groups)
    missed = []
    for _ in range(150):
        c = rng.beta(4, 1, groups * 20)
        found = worst_group(c, rng.random(len(c)) < c, {"site": np.arange(len(c)) % groups, "sex": rng.integers(0, 2, len(c))})
        missed.append(found.interval.low > 0 or found.gap.p <= 0.05)
    assert_covers(missed, 0.05)


def test_the_classes_of_a_calibrated_model_are_not_called_miscalibrated() -> None:
    rng = np.random.default_rng(3)
    missed = []
    for _ in range(200):
        p = rng.dirichlet(np.ones(5), 60)
        y = (p.cumsum(1) < rng.random((60, 1))).sum(1)
        missed.append(min(gap.p for gap in class_gaps(p, np.minimum(y, 4))) <= 0.05)
    assert_covers(missed, 0.05)


def test_tails_bound_sums_of_unequal_indicators_exactly() -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        p = rng.random(rng.integers(1, 9)) ** rng.integers(1, 6)
        mass = np.ones(1)
        for each in p:
            mass = np.convolve(mass, [1 - each, each])
        tail = mass[::-1].cumsum()[::-1]
        k = np.arange(len(p) + 1)
        assert (poisson_binomial_tail(k, len(p), p.sum()) >= tail - 1e-12).all()
        low, high = poisson_binomial_ends(k, len(p), 0.05)
        assert mass[low > p.mean() + 1e-12].sum() <= 0.05 + 1e-12
        assert mass[high < p.mean() - 1e-12].sum() <= 0.05 + 1e-12
