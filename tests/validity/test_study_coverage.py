"""A study's intervals hold as often as they say, and its verdict is wrong as rarely: the truth is planted and misses are counted."""

from __future__ import annotations

import numpy as np
import pytest

from planted import assert_covers
from shiftproof.studies.abstract import Prediction
from shiftproof.studies.quantity import Quantity, difference, mean, over_seeds, share
from shiftproof.studies.verdict import judge, overall

RUNS = 2000


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


def test_the_mean_of_independent_quantities() -> None:
    found = mean([Quantity(0.2, 0.03, "share"), Quantity(0.4, 0.04, "share")])
    assert (found.value, found.error) == pytest.approx((0.3, 0.025))
    assert found.unit == "share"
