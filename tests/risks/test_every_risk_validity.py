"""What risks say of the truth holds as often as they say, with the truth planted."""

from __future__ import annotations

import numpy as np
import pytest

from shiftproof.risks import CVaR, Mean, WorstGroup
from shiftproof.risks.abstract import Measurement
from shiftproof.risks.tally import Tally
from validity import MEANS, Draw, assert_covers, bernoulli, beta, flat

RUNS = 400
MEAN, WORST = Mean(), WorstGroup()


def misses(measured: list[Measurement], truth: float) -> tuple[list[bool], list[bool]]:
    return [m.interval.low > truth + 1e-12 for m in measured], [m.interval.high < truth - 1e-12 for m in measured]


@pytest.mark.parametrize("n", [2, 40])
@pytest.mark.parametrize("name", MEANS)
def test_the_mean_lies_in_its_interval(name: str, n: int) -> None:
    draw, truth = MEANS[name]
    samples = draw(np.random.default_rng(n), (RUNS // 3, n))
    for missed in misses([MEAN.measure(x, confidence=0.9) for x in samples], truth):
        assert_covers(missed, 0.05)


GROUPS: dict[str, tuple[tuple[int, ...], tuple[float, ...]]] = {
    "one": ((50,), (0.7,)),
    "all equal": ((40,) * 8, (0.6,) * 8),
    "all equal and tiny": ((1, 2, 3, 4, 5), (0.5,) * 5),
    "tiny and perfect": ((1, 2, 3, 4, 5), (1.0,) * 5),
    "tiny and hopeless": ((1, 2, 3, 4, 5), (0.0,) * 5),
    "one dominant": ((2000, 3, 3), (0.9, 0.7, 0.8)),
    "worst is tiny": ((500, 500, 2), (0.9, 0.95, 0.1)),
    "worst is large": ((1, 1, 1, 1, 800), (0.9, 0.9, 0.9, 0.9, 0.4)),
    "nearly perfect": ((100,) * 5, (0.999,) * 5),
}


def drawn_groups(case: str) -> list[dict[str, Tally]]:
    sizes, p = GROUPS[case]
    rng = np.random.default_rng(len(sizes))
    right = rng.binomial(sizes, p, (RUNS, len(sizes)))
    both = np.array([0.0, 1.0])
    return [{str(g): Tally(both, np.array([n - k, k])) for g, (n, k) in enumerate(zip(sizes, row, strict=True))} for row in right]


@pytest.mark.parametrize("case", GROUPS)
def test_the_worst_groups_mean_lies_in_its_interval(case: str) -> None:
    measured = [WORST.compute(state, confidence=0.9) for state in drawn_groups(case)]
    below, above = misses(measured, min(GROUPS[case][1]))
    assert_covers(below, 0.05)
    assert_covers(above, 0.05)


def test_the_interval_of_whichever_group_looked_worst_is_caught() -> None:
    found = [WORST.groups(state, confidence=0.9) for state in drawn_groups("all equal")]
    worst = [min(groups, key=lambda m: m.value) for groups in found]
    with pytest.raises(AssertionError, match="missed"):
        assert_covers(misses(worst, 0.6)[1], 0.05)


def two_levels(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """0.2, and 0.9 for one in ten."""
    return np.where(rng.random(shape) < 0.1, 0.9, 0.2)


TAILS: dict[str, tuple[Draw, dict[float, float]]] = {
    "uniform": (beta(1, 1), {0.05: 0.975, 0.5: 0.75, 1.0: 0.5}),
    "flat": (flat(0.5), {0.05: 0.5, 0.5: 0.5, 1.0: 0.5}),
    "none": (bernoulli(0.0), {0.05: 0.0, 0.5: 0.0, 1.0: 0.0}),
    "all": (bernoulli(1.0), {0.05: 1.0, 0.5: 1.0, 1.0: 1.0}),
    "rare": (bernoulli(0.001), {0.05: 0.02, 0.5: 0.002, 1.0: 0.001}),
    "even": (bernoulli(0.5), {0.05: 1.0, 0.5: 1.0, 1.0: 0.5}),
    "two levels": (two_levels, {0.05: 0.9, 0.5: (0.1 * 0.9 + 0.4 * 0.2) / 0.5, 1.0: 0.27}),
}


@pytest.mark.parametrize("n", [1, 2, 5, 100])
@pytest.mark.parametrize("name", TAILS)
def test_the_tail_mean_lies_in_its_interval(name: str, n: int) -> None:
    draw, truths = TAILS[name]
    tallies = [Tally.of(x) for x in draw(np.random.default_rng(n), (RUNS // 2, n))]
    for alpha, truth in truths.items():
        risk = CVaR(alpha)
        for missed in misses([risk.compute(tally, confidence=0.9) for tally in tallies], truth):
            assert_covers(missed, 0.05)


def test_an_interval_for_the_tail_mean_from_the_tails_own_spread_is_caught() -> None:
    samples = np.sort(two_levels(np.random.default_rng(1), (RUNS, 20)), axis=1)[:, -1:]
    half = 1.96 * samples.std(1)
    with pytest.raises(AssertionError, match="missed"):
        assert_covers(np.abs(samples.mean(1) - 0.9) > half + 1e-12, 0.05)


def test_a_mean_of_values_that_are_hardly_ever_not_binary_keeps_its_weaker_promise() -> None:
    draw, truth = MEANS["mostly binary"]
    samples = draw(np.random.default_rng(0), (RUNS, 30))
    below, above = misses([MEAN.measure(x, confidence=0.9) for x in samples], truth)
    assert_covers(np.array(below) | np.array(above), 0.2)
