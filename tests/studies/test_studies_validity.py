"""A study's intervals hold as often as they say, and its verdict is wrong as rarely: the truth is planted and misses are counted."""

from __future__ import annotations

import numpy as np
import pytest

from shiftproof.records.study import Unit
from shiftproof.studies.abstract import Prediction
from shiftproof.studies.quantity import Quantity, difference, mean, over_seeds, ratio, share
from shiftproof.studies.verdict import judge, overall, spent
from validity import assert_covers

RUNS, STUDIES = 2000, 500
"""Draws of a figure, and of a whole study that is looked at again and again."""


@pytest.mark.parametrize("seeds", [2, 3, 5, 10])
@pytest.mark.parametrize(("training", "sample"), [(1.0, 0.0), (0.0, 1.0), (1.0, 0.2), (1.0, 1.0), (0.2, 1.0)])
def test_the_interval_covers_training_and_sample(seeds: int, training: float, sample: float) -> None:
    rng = np.random.default_rng(seeds)
    values = rng.normal(0, training, (RUNS, seeds)) + rng.normal(0, sample, (RUNS, 1))  # one test sample for all seeds
    ends = np.array([over_seeds([Quantity(v, sample) for v in row], confidence=0.9) for row in values])
    assert_covers((ends[:, 0] > 0) | (ends[:, 1] < 0), 0.1)


def test_the_interval_is_students_where_the_sample_is_exact() -> None:
    rng = np.random.default_rng(0)
    ends = np.array([over_seeds([Quantity(v) for v in row], confidence=0.9) for row in rng.normal(size=(RUNS, 3))])
    missed = ((ends[:, 0] > 0) | (ends[:, 1] < 0)).mean()
    assert 0.085 < missed < 0.115  # as often as it says, and no more rarely


@pytest.mark.parametrize("truth", [(-0.001, 1.0), (-0.001, -0.001), (-0.5, -0.001)])
def test_a_false_claim_is_rarely_reproduced(truth: tuple[float, float]) -> None:
    rng = np.random.default_rng(1)
    predictions = [Prediction(name, "it is positive", low=0.0) for name in "ab"]
    wrong = []
    for _ in range(RUNS):
        trials = [{name: Quantity(rng.normal(t, 1.0)) for name, t in zip("ab", truth, strict=True)} for _ in range(3)]
        wrong.append(overall([each.verdict for each in judge(predictions, trials, confidence=0.9)]) == "reproduced")
    assert_covers(wrong, 0.1)


def test_a_true_claim_is_rarely_refuted() -> None:
    rng = np.random.default_rng(2)
    predictions = [Prediction(name, "it is not negative", low=0.0) for name in "abcd"]
    wrong = []
    for _ in range(RUNS):
        trials = [{name: Quantity(rng.normal(0.0, 1.0)) for name in "abcd"} for _ in range(3)]
        wrong.append(overall([each.verdict for each in judge(predictions, trials, confidence=0.9)]) == "not reproduced")
    assert_covers(wrong, 0.1)
    assert np.mean(wrong) > 0.02  # the rule can refute


@pytest.mark.parametrize("p", [0.02, 0.3, 0.5, 0.97])
def test_the_errors_of_shares_and_differences_are_those_of_the_sample(p: float) -> None:
    rng = np.random.default_rng(3)
    first, second = rng.random((2, RUNS, 100)) < p
    shares = [share(row) for row in first]
    assert_covers([abs(q.value - p) > 1.96 * q.error for q in shares], 0.06)
    paired = [difference(a, b) for a, b in zip(first, second, strict=True)]
    assert_covers([abs(q.value) > 1.96 * q.error for q in paired], 0.06)
    assert np.mean([q.error for q in paired]) < 1.25 * np.sqrt(2 * p * (1 - p) / 100) + 0.01


def test_the_error_of_a_ratio_is_that_of_the_sample() -> None:
    rng = np.random.default_rng(5)
    first, second = rng.random((RUNS, 400)) < 0.4, rng.random((RUNS, 400)) < 0.5
    found = [ratio(share(a), share(b)) for a, b in zip(first, second, strict=True)]
    assert_covers([abs(q.value - 0.8) > 1.96 * q.error for q in found], 0.06)
    assert np.mean([q.error for q in found]) < 1.1 * np.std([q.value for q in found])


def _false_verdicts(extensions: int, seeds: int, sample: float, *, naive: bool) -> list[bool]:
    """Whether a verdict fell in each study without effect that is extended until one does, by our rule or without spending anything.

    The truth lies on the threshold, so that any verdict at all comes from an interval that misses it.
    """
    rng = np.random.default_rng([seeds, extensions])
    predictions = [Prediction(name, "it is positive", low=0.0) for name in "ab"]
    wrong = []
    for _ in range(STUDIES):
        shared, trials, fell = dict(zip("ab", rng.normal(0, sample, 2), strict=True)), [], False
        for look in range(extensions + 1):
            trials += [{name: Quantity(shared[name] + rng.normal(), sample) for name in "ab"} for _ in range(seeds)]
            judged = judge(predictions, trials, confidence=0.9, extensions=0 if naive else look)
            fell = fell or any(each.verdict != "inconclusive" for each in judged)
        wrong.append(fell)
    return wrong


@pytest.mark.parametrize(("seeds", "sample"), [(2, 0.0), (3, 0.0), (3, 1.0), (6, 0.2)])
def test_a_study_without_effect_that_is_extended_until_a_verdict_falls_is_judged_wrongly_as_rarely_as_it_says(
    seeds: int, sample: float
) -> None:
    assert_covers(_false_verdicts(4, seeds, sample, naive=False), 0.1)


def test_looking_again_and_again_at_the_same_confidence_is_wrong_more_often() -> None:
    with pytest.raises(AssertionError, match="missed"):
        assert_covers(_false_verdicts(4, 3, 0.0, naive=True), 0.1)


def test_all_looks_together_spend_no_more_than_there_is() -> None:
    assert sum(spent(0.95, look) for look in range(50)) <= 0.05 + 1e-12
    assert spent(0.95, 0) == pytest.approx(0.04)


@pytest.mark.parametrize(
    ("unit", "value", "least", "most"), [("share", 0.98, 0.0, 1.0), ("share", 0.01, 0.0, 1.0), ("points", -0.99, -1.0, 1.0)]
)
def test_ends_stay_within_what_the_unit_allows(unit: Unit, value: float, least: float, most: float) -> None:
    low, high = over_seeds([Quantity(value, 0.1, unit), Quantity(value, 0.1, unit)], confidence=0.95)
    assert least <= low < value < high <= most
    assert (low == least) or (high == most)


def test_the_mean_of_independent_quantities() -> None:
    found = mean([Quantity(0.2, 0.03, "share"), Quantity(0.4, 0.04, "share")])
    assert (found.value, found.error) == pytest.approx((0.3, 0.025))
    assert found.unit == "share"
