"""Intervals hold as often as they say, at the hard corners too. Where outcomes can be listed, the miss rate is exact, not simulated."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import binom, multinomial

from shiftproof.risks.betting_intervals import betting_interval, betting_sequence
from shiftproof.risks.intervals import clopper_pearson, dkw_width, proportion_difference, simultaneous, wilson
from shiftproof.risks.paired import matched_interval, mcnemar
from validity import MEANS, assert_covers

Floats = npt.NDArray[np.float64]
P = np.array([0.0, 0.001, 0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98, 0.999, 1.0])
RUNS = 1500
ROUNDING = 1e-12


def exact_misses(n: int, low: Floats, high: Floats, p: Floats) -> tuple[Floats, Floats]:
    """The probability that each end misses the proportion, shape of p, by listing all n + 1 outcomes."""
    mass = binom.pmf(np.arange(n + 1), n, p[:, None])
    return (mass * (low > p[:, None] + ROUNDING)).sum(1), (mass * (high < p[:, None] - ROUNDING)).sum(1)


@pytest.mark.parametrize("n", [1, 2, 5, 30, 100])
@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.999])
def test_each_end_of_clopper_pearson_misses_at_most_its_share(n: int, confidence: float) -> None:
    ends = clopper_pearson(np.arange(n + 1), n, confidence=confidence)
    below, above = exact_misses(n, *ends, p=np.concatenate([P, np.linspace(0, 1, 301)]))
    assert below.max() <= (1 - confidence) / 2 + ROUNDING
    assert above.max() <= (1 - confidence) / 2 + ROUNDING
    assert n < 100 or below.max() > (1 - confidence) / 8  # it is not merely wide


def test_wilson_falls_as_low_as_its_docstring_says() -> None:
    below, above = exact_misses(5, *wilson(np.arange(6), 5), p=np.linspace(0, 1, 2001))
    assert 0.82 < 1 - (below + above).max() < 0.84


@pytest.mark.parametrize("sizes", [(1, 1), (1, 5), (2, 2), (5, 5), (3, 20), (20, 20), (40, 60)])
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_each_end_of_a_difference_misses_at_most_its_share(sizes: tuple[int, int], confidence: float) -> None:
    first, second = (np.arange(n + 1) for n in sizes)
    low, high = proportion_difference((first[:, None], sizes[0]), (second, sizes[1]), confidence=confidence)
    mass = [binom.pmf(np.arange(n + 1), n, P[:, None]) for n in sizes]
    truth = (P[None, :] - P[:, None])[:, :, None, None]
    below, above = (np.einsum("ia,jb,ijab->ij", *mass, wrong) for wrong in (low > truth + ROUNDING, high < truth - ROUNDING))
    assert max(below.max(), above.max()) <= (1 - confidence) / 2
    assert sizes[0] < 20 or below.max() > (1 - confidence) / 10


def test_newcombes_own_difference_falls_as_low_as_our_docstring_says() -> None:
    share, (low, high) = np.array([0.0, 1.0]), wilson(np.array([0, 1]), 1)
    one, two = np.arange(2)[:, None], np.arange(2)
    difference = share[two] - share[one]
    least = difference - np.hypot(share[two] - low[two], high[one] - share[one])
    most = difference + np.hypot(high[two] - share[two], share[one] - low[one])
    p = np.linspace(0, 1, 401)
    mass = np.stack([1 - p, p], axis=1)
    truth = (p[None, :] - p[:, None])[:, :, None, None]
    covered = np.einsum("ia,jb,ijab->ij", mass, mass, (least <= truth) & (truth <= most))
    assert 0.78 < covered.min() < 0.8


def trinomials() -> list[tuple[float, float]]:
    """P(right in the first only), P(right in the second only)."""
    levels = [0.0, 0.001, 0.03, 0.2, 0.5, 0.8, 1.0]
    return [(b, c) for b in levels for c in levels if b + c <= 1]


@pytest.mark.parametrize("n", [1, 2, 5, 20, 35])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_each_end_of_a_paired_difference_misses_at_most_its_share(n: int, confidence: float) -> None:
    b, c = np.meshgrid(np.arange(n + 1), np.arange(n + 1))
    possible = b + c <= n
    b, c = b[possible], c[possible]
    low, high = matched_interval(b, c, n, confidence=confidence)
    worst = 0.0
    for one, two in trinomials():
        mass = multinomial.pmf(np.stack([b, c, n - b - c], axis=1), n, [one, two, max(0.0, 1 - one - two)])
        truth = two - one
        below, above = float(mass[low > truth + ROUNDING].sum()), float(mass[high < truth - ROUNDING].sum())
        assert max(below, above) <= (1 - confidence) / 2, (one, two)
        worst = max(worst, below, above)
    assert n < 20 or worst > (1 - confidence) / 20


@pytest.mark.parametrize("n", [1, 2, 5, 40])
def test_mcnemar_rejects_equals_at_most_as_often_as_it_says(n: int) -> None:
    b = np.arange(n + 1)
    p_values, mass = mcnemar(b, n - b), binom.pmf(b, n, 0.5)
    for level in np.unique(p_values):
        assert mass[p_values <= level].sum() <= level + ROUNDING


@pytest.mark.parametrize("n", [1, 2, 5, 100])
@pytest.mark.parametrize("name", MEANS)
def test_intervals_for_bounded_means_hold(name: str, n: int) -> None:
    draw, truth = MEANS[name]
    x = draw(np.random.default_rng(n), (RUNS, n))
    low, high = betting_interval(x, confidence=0.9)
    assert_covers(low > truth + ROUNDING, 0.05)
    assert_covers(high < truth - ROUNDING, 0.05)


@pytest.mark.parametrize("aim", [None, 60])
@pytest.mark.parametrize("name", MEANS)
def test_the_betting_sequence_holds_though_one_stops_when_it_is_worst(name: str, aim: int | None) -> None:
    draw, truth = MEANS[name]
    x = draw(np.random.default_rng(7), (500, 120))
    low, high = betting_sequence(x, confidence=0.9, aim=aim, points=100)
    assert_covers((low > truth + ROUNDING).any(1), 0.05)
    assert_covers((high < truth - ROUNDING).any(1), 0.05)


def test_intervals_for_a_fixed_n_do_not_survive_stopping() -> None:
    x = MEANS["even"][0](np.random.default_rng(3), (500, 120))
    low, high = clopper_pearson(x.cumsum(1), np.arange(1, 121), confidence=0.9)
    with pytest.raises(AssertionError, match="missed"):
        assert_covers(((low > 0.5) | (high < 0.5)).any(1), 0.1)


@pytest.mark.parametrize(("p", "n"), [(0.001, 100), (0.97, 5), (0.5, 2)])
def test_an_invalid_interval_is_caught(p: float, n: int) -> None:
    x = (np.random.default_rng(0).random((RUNS, n)) < p).mean(1)
    half = 1.96 * np.sqrt(x * (1 - x) / n)  # Wald's
    with pytest.raises(AssertionError, match=f"of {RUNS}"):
        assert_covers(np.abs(x - p) > half, 0.05)


@pytest.mark.parametrize("n", [1, 2, 5, 100])
@pytest.mark.parametrize("levels", [0, 11])
def test_the_band_holds_everywhere_at_once(levels: int, n: int) -> None:
    """Uniform on [0, 1], or on as many levels 0, 0.1, ..., whose distribution function jumps."""
    rng = np.random.default_rng(n)
    missed = np.zeros(500, dtype=bool)
    for run in range(len(missed)):
        x = rng.integers(0, levels, n) / (levels - 1) if levels else rng.random(n)
        points, counts = np.unique(x, return_counts=True)
        share, width = np.cumsum(counts) / n, dkw_width(n, confidence=0.9)
        low, high = share - width, share + width
        at = (np.round(points * (levels - 1)) + 1) / levels if levels else points
        up_to_next = np.append(at[1:] - 1 / levels if levels else at[1:], 1.0)
        missed[run] = bool((low > at + ROUNDING).any() or (high < up_to_next - ROUNDING).any())
    assert_covers(missed, 0.1)


@pytest.mark.parametrize("disjoint", [True, False])
@pytest.mark.parametrize("sizes", [(1, 2, 3, 4, 5), (100,) * 20, (1, 1000), (50, 0, 50)])
def test_simultaneous_intervals_hold_all_at_once(sizes: tuple[int, ...], disjoint: bool) -> None:
    rng, n = np.random.default_rng(5), np.array(sizes)
    for p in (0.0, 0.001, 0.5, 0.9):
        low, high = simultaneous(rng.binomial(n, p, (RUNS, len(n))), n, confidence=0.9, disjoint=disjoint)
        assert_covers(((low > p) | (high < p)).any(1), 0.1)


def test_separate_intervals_do_not_hold_all_at_once() -> None:
    low, high = clopper_pearson(np.random.default_rng(5).binomial(100, 0.5, (RUNS, 20)), 100, confidence=0.9)
    with pytest.raises(AssertionError, match="missed"):
        assert_covers(((low > 0.5) | (high < 0.5)).any(1), 0.1)
