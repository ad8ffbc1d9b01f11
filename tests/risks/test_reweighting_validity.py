"""Intervals of the worst mix hold as often as they say, with the truth planted."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from shiftproof.evaluation.curves.slices import find_slices
from shiftproof.evaluation.curves.stress_curve import BALLS, stress_curve
from shiftproof.risks import (
    KL,
    ChiSquare,
    ChiSquarePenalised,
    ConditionalCVaR,
    ExponentialSpectral,
    Extremile,
    GroupMixture,
    Holistic,
    TotalVariation,
    Wasserstein,
)
from shiftproof.risks.abstract import Measurement
from shiftproof.risks.reweighting import Reweighting
from shiftproof.risks.worst_weights import cvar
from validity import assert_covers

RUNS = 300
RISKS: list[Reweighting] = [
    ChiSquare(0.5),
    ChiSquarePenalised(0.2),
    KL(0.2),
    TotalVariation(0.1),
    Extremile(2),
    ExponentialSpectral(2),
    Holistic(0.05, 0.05),
    Wasserstein(0.1),
]
POPULATIONS: dict[str, tuple[list[float], list[float]]] = {
    "flat": ([0.5], [1.0]),
    "none wrong": ([0.0], [1.0]),
    "all wrong": ([1.0], [1.0]),
    "rare": ([0.0, 1.0], [0.97, 0.03]),
    "three levels": ([0.1, 0.4, 0.9], [0.6, 0.3, 0.1]),
}


def misses(measured: list[Measurement], truth: float) -> tuple[list[bool], list[bool]]:
    return [m.interval.low > truth + 1e-9 for m in measured], [m.interval.high < truth - 1e-9 for m in measured]


@pytest.mark.parametrize("n", [1, 60])
@pytest.mark.parametrize("population", POPULATIONS)
@pytest.mark.parametrize("risk", RISKS, ids=lambda r: r.name)
def test_the_worst_mix_lies_in_its_interval(risk: Reweighting, population: str, n: int) -> None:
    levels, shares = POPULATIONS[population]
    truth = min(risk.reweigh(levels, shares).value, 1.0)
    rng = np.random.default_rng(n)
    measured = [risk.measure(rng.choice(levels, n, p=shares), confidence=0.9) for _ in range(RUNS // 3)]
    for missed in misses(measured, truth):
        assert_covers(missed, 0.05)


def test_the_test_can_fail() -> None:
    """The plug-in as its own bound is caught."""
    levels, shares = POPULATIONS["three levels"]
    truth = ChiSquare(0.5).reweigh(levels, shares).value
    rng = np.random.default_rng(0)
    with pytest.raises(AssertionError, match="missed"):
        assert_covers([ChiSquare(0.5).measure(rng.choice(levels, 60, p=shares)).value < truth for _ in range(100)], 0.05)


MIXES: dict[str, tuple[tuple[int, ...], tuple[float, ...]]] = {
    "one": ((30,), (0.7,)),
    "equal": ((20,) * 6, (0.6,) * 6),
    "tiny": ((1, 1, 2, 3), (0.5,) * 4),
    "tiny and perfect": ((1, 2), (1.0, 1.0)),
    "worst is tiny": ((200, 200, 2), (0.9, 0.95, 0.1)),
}


@pytest.mark.parametrize("floor", [0.0, 0.4])
@pytest.mark.parametrize("case", MIXES)
def test_the_worst_mixture_of_overlapping_groups(case: str, floor: float) -> None:
    sizes, rates = MIXES[case]
    names = np.repeat([f"g{g}" for g in range(len(sizes))], sizes)
    p = np.repeat(rates, sizes)
    both = np.array([f"{name}|all" for name in names])  # every example is in the group of all too
    means = [*rates, float(p.mean())]
    truth = floor * float(np.mean(means)) + (1 - floor) * min(means)
    rng = np.random.default_rng(1)
    measured = [GroupMixture(floor).measure((rng.random(len(p)) < p).astype(float), both, confidence=0.9) for _ in range(RUNS // 3)]
    for missed in misses(measured, truth):
        assert_covers(missed, 0.05)


@pytest.mark.parametrize(
    ("shares", "errors"), [((1.0,), (0.3,)), ((0.5, 0.5), (0.2, 0.2)), ((0.6, 0.3, 0.1), (0.1, 0.3, 0.8)), ((0.99, 0.01), (0.1, 1.0))]
)
def test_the_worst_mix_of_a_column(shares: tuple[float, ...], errors: tuple[float, ...]) -> None:
    truth = cvar(list(errors), alpha=0.2, base=list(shares)).value
    rng = np.random.default_rng(2)
    measured = []
    for _ in range(RUNS // 3):
        cell = rng.choice(len(shares), 80, p=shares)
        wrong = (rng.random(80) < np.array(errors)[cell]).astype(float)
        measured.append(ConditionalCVaR(0.2).measure(wrong, cell.astype(str), confidence=0.9))
    for missed in misses(measured, truth):
        assert_covers(missed, 0.05)


@pytest.mark.parametrize("risk", BALLS)
@pytest.mark.parametrize("p", [0.0, 0.02, 0.15, 1.0])
@pytest.mark.parametrize("n", [1, 50])
def test_the_whole_stress_curve_and_the_radius_that_breaks(risk: str, p: float, n: int) -> None:
    ball, radii = BALLS[risk], [0.0, 0.1, 0.5]
    truth = 1 - np.array([ball.reweigh([0.0, 1.0], r, [1 - p, p]).value if 0 < p < 1 else p for r in radii])
    at = stress_curve(np.array([1.0]), risk=risk).breaking
    assert at == np.inf
    rng = np.random.default_rng(3)
    low, high, late, early = [], [], [], []
    breaks = 0.0 if p > 0.2 else np.inf if p == 0 else _radius(risk, p, 0.8)
    for _ in range(24):
        curve = stress_curve((rng.random(n) >= p).astype(float), risk=risk, floor=0.8, radii=radii, confidence=0.9)
        low.append(bool((curve.interval.low > truth + 1e-9).any()))
        high.append(bool((curve.interval.high < truth - 1e-9).any()))
        late.append(curve.breaking_interval.low > breaks + 1e-9)
        early.append(curve.breaking_interval.high < breaks - 1e-9)
    for missed in (low, high, late, early):
        assert_covers(missed, 0.05)


def _radius(risk: str, p: float, floor: float) -> float:
    """By a fine grid, from the ball alone."""
    grid = np.linspace(0, 5 if risk in ("chi_square", "kl") else 0.999, 2001)
    errors = np.array([BALLS[risk].reweigh([0.0, 1.0], float(r), [1 - p, p]).value for r in grid])
    return float(grid[int(np.argmax(errors > 1 - floor))])


def _columns(rng: np.random.Generator, n: int) -> dict[str, npt.NDArray[np.str_]]:
    return {name: rng.integers(0, k, n).astype(str) for name, k in (("a", 3), ("b", 4), ("c", 2))}


def test_slices_of_equal_error_are_seldom_called_worse() -> None:
    rng = np.random.default_rng(4)
    called, outside = [], []
    for _ in range(150):
        wrong = (rng.random(300) < 0.2).astype(float)
        found = find_slices(_columns(rng, 300), wrong=wrong, weights=wrong, least=5, most=99, confidence=0.9)
        called.append(any(one.beyond_chance for one in found))
        outside.append(any(one.interval.low > 0.2 for one in found))
    assert_covers(called, 0.05)
    assert_covers(outside, 0.05)


def test_a_planted_slice_is_found_first() -> None:
    rng = np.random.default_rng(5)
    columns = _columns(rng, 2000)
    bad = (columns["a"] == "1") & (columns["c"] == "0")
    wrong = (rng.random(2000) < np.where(bad, 0.6, 0.05)).astype(float)
    first = find_slices(columns, wrong=wrong, weights=wrong)[0]
    assert (first.what, first.n, first.beyond_chance) == ("a=1 & c=0", int(bad.sum()), True)
    assert first.error == pytest.approx(wrong[bad].mean())
