"""Intervals against scipy, closed forms and brute force; what they refuse, and in which words."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from scipy.stats import binomtest

from shiftproof import UsageError
from shiftproof.outcomes import Interval
from shiftproof.risks.betting_intervals import betting_interval, betting_sequence
from shiftproof.risks.intervals import (
    arc,
    clopper_pearson,
    dkw_width,
    proportion_difference,
    simultaneous,
    wilson,
)


@pytest.mark.parametrize(("k", "n"), [(0, 1), (1, 1), (0, 5), (3, 5), (5, 5), (17, 100), (999, 1000), (400_000, 1_000_000)])
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.9999])
def test_proportions_are_scipys(k: int, n: int, confidence: float) -> None:
    test = binomtest(k, n)
    exact = test.proportion_ci(confidence, method="exact")
    score = test.proportion_ci(confidence, method="wilson")
    assert clopper_pearson(k, n, confidence=confidence).one() == pytest.approx((exact.low, exact.high), abs=1e-9)
    assert wilson(k, n, confidence=confidence).one() == pytest.approx((score.low, score.high), abs=1e-9)


def test_arrays_broadcast() -> None:
    low, high = clopper_pearson(np.arange(4)[:, None], np.array([3, 10]))
    assert low.shape == high.shape == (4, 2)
    assert (low[2, 1], high[2, 1]) == clopper_pearson(2, 10).one()


def nothing() -> list[Interval]:
    none = np.zeros(0)
    return [
        clopper_pearson(0, 0).one(),
        wilson(0, 0).one(),
        betting_interval(none).one(),
        proportion_difference((0, 0), (3, 5)).one(),
        proportion_difference((3, 5), (0, 0)).one(),
        simultaneous([0], [0]).one(),
    ]


def test_nothing_measured_is_nan_at_both_ends() -> None:
    assert all(math.isnan(end) for interval in nothing() for end in interval)
    assert math.isnan(dkw_width(0))


def capital(x: np.ndarray[tuple[int], np.dtype[np.float64]], m: float, tail: float) -> float:
    """The portfolio's capital against m, written out bet by bet."""
    n = len(x)
    shares = [1 - 0.5 / n]
    while shares[-1] > math.log(1 / tail) / n:
        shares.append(0.5 ** len(shares))
    middle = 2 * math.sqrt(2 * math.log(1 / tail) / n)
    prior = [min(g / middle, middle / g) for g in shares]
    bets = [w * math.prod(1 - g + g * v / m for v in x.tolist()) for w, g in zip(prior, shares, strict=True)]
    return float(sum(bets) / sum(prior))


@pytest.mark.parametrize("n", [8, 60])
@pytest.mark.parametrize("kind", ["uniform", "rare", "ones"])
def test_betting_ends_are_where_the_capital_reaches_its_bar(n: int, kind: str) -> None:
    rng = np.random.default_rng(n)
    x = {"uniform": rng.random(n), "rare": np.append(np.zeros(n - 1), 1.0), "ones": np.ones(n)}[kind]
    low, high = betting_interval(x, confidence=0.9).one()
    assert capital(x, low, 0.05) == pytest.approx(20, rel=1e-5)
    if kind != "ones":
        assert capital(1 - x, 1 - high, 0.05) == pytest.approx(20, rel=1e-5)
    assert capital(x, low, 0.05) >= 20  # rounded outwards


def test_betting_counts_repeat_values() -> None:
    x = np.array([0.2, 0.2, 0.7, 0.2, 0.7])
    assert betting_interval([0.2, 0.7], counts=[3, 2]).one() == pytest.approx(betting_interval(x).one())
    rows = betting_interval(np.stack([x, x[::-1], 1 - x]))
    assert rows.low[0] == pytest.approx(rows.low[1])
    assert rows.low[2] == pytest.approx(1 - rows.high[0])


def test_the_sequence_narrows_and_an_aim_helps_there() -> None:
    x = np.random.default_rng(0).beta(2, 5, 400)
    spread, aimed = betting_sequence(x), betting_sequence(x, aim=400)
    assert (np.diff(spread.low) >= 0).all()
    assert (np.diff(spread.high) <= 0).all()
    assert aimed.high[-1] - aimed.low[-1] < spread.high[-1] - spread.low[-1] < 0.15
    assert spread.low[-1] < x.mean() < spread.high[-1]


def test_dkw_is_massarts() -> None:
    assert dkw_width(100, confidence=0.9) == pytest.approx(math.sqrt(math.log(2 / 0.1) / 200))


def test_simultaneous_splits_by_sidak_or_bonferroni_over_groups_that_have_examples() -> None:
    k, n = [3, 0, 40], [5, 0, 80]
    sidak, bonferroni = simultaneous(k, n, confidence=0.9), simultaneous(k, n, confidence=0.9, disjoint=False)
    each = clopper_pearson(k, n, confidence=math.sqrt(0.9)), clopper_pearson(k, n, confidence=0.95)
    np.testing.assert_allclose([sidak.low, bonferroni.low], [each[0].low, each[1].low])
    np.testing.assert_allclose([sidak.high, bonferroni.high], [each[0].high, each[1].high])


def test_the_arcs_radius_is_what_two_normals_leave_with_the_stated_probability() -> None:
    near, far = arc(0.025)
    z = np.random.default_rng(0).standard_normal((400_000, 2)).clip(min=0)
    radius = NormalDist().inv_cdf(1 - float(near.min()))
    assert near.min() == pytest.approx(far.min())
    edge = clopper_pearson(int((np.hypot(*z.T) > radius).sum()), 400_000, confidence=0.9999).one()
    assert edge.low < 0.025 < edge.high
    outer = [math.hypot(NormalDist().inv_cdf(a), NormalDist().inv_cdf(b)) for a, b in zip(near, far, strict=True)]
    assert radius <= min(outer) < max(outer) < 1.005 * radius  # the cover's corners lie outside, and not by much


def test_a_difference_turns_its_sign_when_swapped_and_is_a_bit_wider_than_normal() -> None:
    there, back = proportion_difference((480, 800), (560, 700)).one(), proportion_difference((560, 700), (480, 800)).one()
    assert there == pytest.approx((-back.high, -back.low))
    normal = 2 * 1.96 * math.sqrt(0.6 * 0.4 / 800 + 0.8 * 0.2 / 700)
    assert 1.15 < (there.high - there.low) / normal < 1.3


@pytest.mark.parametrize("confidence", [0, 1, -0.5, 95, math.nan])
def test_a_confidence_outside_0_and_1_is_refused(confidence: float) -> None:
    for make in (
        lambda: clopper_pearson(1, 2, confidence=confidence),
        lambda: simultaneous([1], [2], confidence=confidence),
        lambda: betting_sequence([0.5], confidence=confidence),
        lambda: dkw_width(3, confidence=confidence),
    ):
        with pytest.raises(UsageError, match=r"The 'confidence' of an interval must be in \(0, 1\), got .*0\.95 is usual\."):
            make()


@pytest.mark.parametrize(("k", "n"), [(3, 2), (-1, 2), (0.5, 2), (1, 2.5), (math.nan, 2)])
def test_counts_that_are_none_are_refused(k: float, n: float) -> None:
    with pytest.raises(UsageError, match=r"The 'successes' of a proportion must be a whole number from 0 to n, got '.+ of .+'\."):
        clopper_pearson(k, n)


@pytest.mark.parametrize("value", [-0.1, 1.5, math.nan])
def test_values_outside_the_bounds_are_refused(value: float) -> None:
    for interval in (betting_interval, betting_sequence):
        with pytest.raises(UsageError, match=r"The 'values' of an interval must lie in \[0, 1\], got .*Rescale them by their bounds"):
            interval([0.5, value])


def test_options_of_the_sequence_are_checked() -> None:
    with pytest.raises(UsageError, match=r"The 'aim' of betting_sequence must be at least 1, got 0\."):
        betting_sequence([0.5], aim=0)
    with pytest.raises(UsageError, match=r"The 'points' of betting_sequence must be at least 2, got 1\."):
        betting_sequence([0.5], points=1)
