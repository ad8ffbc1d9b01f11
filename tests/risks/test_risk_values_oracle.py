"""Risks against brute force: the number that each one is, and what it says beside it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import linprog

from shiftproof.risks import CVaR, Mean, WorstGroup
from shiftproof.risks.betting_intervals import betting_interval
from shiftproof.risks.intervals import clopper_pearson, dkw_width
from shiftproof.risks.paired import PairedComparison as PairedRecord
from shiftproof.risks.paired import mcnemar, paired, paired_difference, unpaired_difference

RNG = np.random.default_rng(0)
PROBABILITIES = RNG.random(37)


def test_the_mean_of_right_and_wrong_has_the_exact_binomial_interval() -> None:
    m = Mean().measure(np.array([1.0] * 8 + [0.0] * 2), confidence=0.9)
    assert (m.value, m.n, m.group) == (0.8, 10, None)
    assert m.interval == pytest.approx(clopper_pearson(8, 10, confidence=0.9).one())


def test_the_mean_of_other_values_has_the_betting_interval() -> None:
    m = Mean().measure(PROBABILITIES, confidence=0.9)
    assert m.value == pytest.approx(PROBABILITIES.mean())
    assert m.interval == pytest.approx(betting_interval(PROBABILITIES, confidence=0.9).one())


def test_flags_count_as_numbers() -> None:
    assert Mean().measure(np.array([True, False, True])).value == pytest.approx(2 / 3)


def by_weights(values: np.ndarray[tuple[int], np.dtype[np.float64]], alpha: float) -> float:
    """The supremum in the definition, by linear programming over the weights."""
    n = len(values)
    best = linprog(-values, A_eq=np.ones((1, n)), b_eq=[1.0], bounds=(0, 1 / (alpha * n)))
    return float(-best.fun)


@pytest.mark.parametrize("n", [1, 2, 5, 37])
@pytest.mark.parametrize("alpha", [0.01, 0.1, 0.2, 1 / 3, 0.5, 0.99, 1.0])
def test_cvar_is_the_worst_reweighting(n: int, alpha: float) -> None:
    values = np.round(PROBABILITIES[:n], 1)  # with ties
    assert CVaR(alpha).measure(values).value == pytest.approx(by_weights(values, alpha))


def test_cvar_counts_the_example_at_the_edge_in_part() -> None:
    assert CVaR(0.25).measure(np.array([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])).value == pytest.approx((1.0 + 0.5 * 0.8) / 1.5)
    assert CVaR(1.0).measure(PROBABILITIES).value == pytest.approx(PROBABILITIES.mean())


@pytest.mark.parametrize("alpha", [0.1, 0.5, 1.0])
def test_cvar_ends_are_the_integral_over_the_band(alpha: float) -> None:
    m = CVaR(alpha).measure(PROBABILITIES, confidence=0.9)
    width, x = dkw_width(37, confidence=0.9), (np.arange(200_000) + 0.5) / 200_000
    f = np.searchsorted(np.sort(PROBABILITIES), x, side="right") / 37
    for end, rise in zip(m.interval, (width, -width), strict=True):
        raised = np.clip(f + rise, 0, 1)
        assert end == pytest.approx(1 - np.maximum(raised - (1 - alpha), 0).mean() / alpha, abs=1e-4)


def test_cvar_says_when_its_share_is_less_than_an_example() -> None:
    assert CVaR(0.1).measure(np.array([0.2, 0.4])).notes == ("the worst share is less than one example",)
    assert CVaR(0.5).measure(np.array([0.2, 0.4])).notes == ()


RIGHT = np.array([1, 1, 1, 0, 0, 0, 1, 1, 1, 1], dtype=np.float64)
WHERE = np.array(["a", "a", "a", "b", "b", "c", "c", "c", "c", "c"])


def test_the_worst_group_is_named_with_its_size() -> None:
    m = WorstGroup().measure(RIGHT, WHERE)
    assert (m.group, m.value, m.n, m.notes) == ("b", 0.0, 2, ())


def test_the_worst_groups_interval_pays_for_the_choice_at_its_high_end_only() -> None:
    risk = WorstGroup()
    m = risk.measure(RIGHT, WHERE, confidence=0.9)
    assert m.interval.low == min(clopper_pearson(k, n, confidence=0.9).one().low for k, n in ((3, 3), (0, 2), (4, 5)))
    sidak = 1 - 2 * (1 - 0.95 ** (1 / 3))
    assert m.interval.high == pytest.approx(min(clopper_pearson(k, n, confidence=sidak).one().high for k, n in ((3, 3), (0, 2), (4, 5))))
    assert risk.measure(RIGHT[:3], WHERE[:3]).interval == clopper_pearson(3, 3).one()  # one group: nothing to pay


def test_groups_without_examples_are_nan_and_named() -> None:
    risk = WorstGroup()
    state = risk.declare(risk.update(risk.init(), RIGHT, WHERE), ["a", "d", "e"])
    assert risk.compute(state).notes == ("not measured, no examples: d, e",)
    assert risk.compute(state).value == 0.0
    empty = {m.group: m for m in risk.groups(state)}["d"]
    assert math.isnan(empty.value)
    assert all(map(math.isnan, empty.interval))
    assert (empty.n, empty.notes) == (0, ("no examples",))


def test_every_group_is_listed_with_its_own_interval() -> None:
    risk = WorstGroup()
    found = risk.groups(risk.update(risk.init(), RIGHT, WHERE), confidence=0.9)
    assert [(m.group, m.value, m.n) for m in found] == [("a", 1.0, 3), ("b", 0.0, 2), ("c", 0.8, 5)]
    assert [m.interval for m in found] == [clopper_pearson(k, n, confidence=0.9).one() for k, n in ((3, 3), (0, 2), (4, 5))]


def test_ties_are_said() -> None:
    m = WorstGroup().measure(np.zeros(3), np.array(["z", "y", "x"]))
    assert (m.group, m.notes) == ("x", ("equally low: y, z",))


def test_no_group_has_examples() -> None:
    risk = WorstGroup()
    m = risk.compute(risk.declare(risk.init(), ["a"]))
    assert math.isnan(m.value)
    assert (m.n, m.group) == (0, None)
    assert m.notes == ("no group has examples", "not measured, no examples: a")


FIRST = np.array([1, 1, 1, 1, 0, 0, 1, 0], dtype=np.float64)
SECOND = np.array([1, 0, 0, 0, 1, 0, 1, 0], dtype=np.float64)


def test_a_paired_comparison_counts_what_differs() -> None:
    result = paired(FIRST, SECOND, against="july")
    assert (result.both_right, result.only_first, result.only_second, result.both_wrong, result.n) == (2, 3, 1, 2, 8)
    assert result.difference == (3 - 5) / 8
    assert result.p_value == pytest.approx(2 * (1 + 4) / 16)
    assert paired_difference(FIRST, SECOND) == (result.difference, result.interval)
    assert PairedRecord(**vars(result)).against == "july"


def test_mcnemar_without_differing_pairs_is_1() -> None:
    assert float(mcnemar(0, 0)) == 1.0
    assert mcnemar([0, 5, 10], [10, 5, 0]).tolist() == pytest.approx([2 / 1024, 1.0, 2 / 1024])


def test_a_paired_interval_uses_that_errors_are_shared() -> None:
    first = (np.arange(1000) < 700).astype(float)
    second = (np.arange(1000) < 690).astype(float)
    together, apart = paired_difference(first, second), unpaired_difference(first, second)
    assert (together.value, apart.value) == pytest.approx((-0.01, -0.01))
    assert together.interval.high < 0 < apart.interval.high
    assert (together.interval.high - together.interval.low) < 0.25 * (apart.interval.high - apart.interval.low)


def test_nothing_to_compare_is_nan() -> None:
    none = np.zeros(0)
    result = paired(none, none)
    assert all(map(math.isnan, (result.difference, *result.interval, result.p_value)))
    value, interval = unpaired_difference(none, FIRST)
    assert all(map(math.isnan, (value, *interval)))
