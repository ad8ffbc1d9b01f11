"""Every measure's interval, and that of its change, holds the truth as often as it says; one class of the population is rare."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from shiftproof.measures import Answered, Measure, measures
from shiftproof.measures.abstract import ClassMeasure
from shiftproof.measures.answered import Floats, Ints
from shiftproof.measures.auroc import sides
from validity import RARE, assert_interval

CONFIDENCE = 0.9
CLASSES = ("common", "other", "rare")
SPECS = (
    "recall(class=common)",
    "recall(class=rare)",
    "recall",
    "precision(class=rare)",
    "precision",
    "f1(class=rare)",
    "f1",
    "auroc(class=rare)",
    "auroc",
    "log_loss",
    "brier",
    "expected_cost(matrix='0 1 2; 1 0 1; 9 9 0')",
    "top_k(k=2)",
    "equalized_odds_gap(by=sex)",
    "coverage(level=0.8)",
)


@dataclass(frozen=True)
class Population:
    """Rows that are drawn from with replacement: what is true of all of them is true of the law."""

    clean: Answered
    moved: Answered


def answers(y: Ints, scores: Floats, sex: Ints) -> Answered:
    said = scores.argmax(1)
    rank = (scores > scores[np.arange(len(y)), y][:, None]).sum(1)
    return Answered(y, said == y, CLASSES, said, scores, rank, {"sex": np.where(sex > 0, "F", "M")})


def population(seed: int, ties: bool) -> Population:
    rng = np.random.default_rng(seed)
    y = rng.choice(3, 4000, p=[0.68, 0.30, RARE])
    sex = rng.integers(0, 2, 4000)
    scores = rng.normal(size=(4000, 3)) * 1.2
    scores[np.arange(4000), y] += 1.5 + 0.5 * sex
    moved = scores + rng.normal(size=scores.shape) * 0.4
    both = [np.round(each) if ties else each for each in (scores, moved)]
    calibration = answers(y[:500], both[0][:500], sex[:500])
    clean, after = (replace(answers(y[500:], each[500:], sex[500:]), calibration=calibration) for each in both)
    return Population(clean, after)


def named(sample: Answered) -> Ints:
    assert sample.said is not None
    return np.unique(sample.said)


def truth_of(measure: Measure, whole: Answered, sample: Answered) -> float:
    """The figure in the population; of a mean over classes that over those which this sample has."""
    if not isinstance(measure, ClassMeasure) or measure.class_:
        return measure.measure(whole, confidence=CONFIDENCE).value
    own = {int(k) for k in np.unique(sample.y)}
    said = {int(k) for k in named(sample)}
    there = {"recall": own, "precision": said, "f1": own | said, "auroc": own}[measure.name]
    return float(np.mean([replace(measure, class_=CLASSES[k]).measure(whole, confidence=CONFIDENCE).value for k in sorted(there)]))


def check(spec: str, n: int, runs: int, *, ties: bool) -> None:
    measure, law, rng = measures.build(spec), population(n, ties), np.random.default_rng(n + ties)
    intervals, changes, truths, differences = [], [], [], []
    known: dict[tuple[int, ...], tuple[float, float]] = {}
    for _ in range(runs):
        rows = rng.integers(0, len(law.clean), n)
        one, two = law.clean[rows], law.moved[rows]
        classes = tuple(np.unique(np.concatenate([one.y, 3 + named(one), 6 + named(two)])).tolist())
        if classes not in known:
            known[classes] = truth_of(measure, law.clean, one), truth_of(measure, law.moved, two)
        intervals.append(measure.measure(one, confidence=CONFIDENCE).interval)
        changes.append(measure.change(one, two, paired=True, confidence=CONFIDENCE).interval)
        truths.append(known[classes][0])
        differences.append(known[classes][1] - known[classes][0])
    assert_interval(intervals, truths, CONFIDENCE)
    assert_interval(changes, differences, CONFIDENCE)


@pytest.mark.parametrize("n", [20, 100])
@pytest.mark.parametrize("spec", SPECS)
def test_small_samples(spec: str, n: int) -> None:
    check(spec, n, 60, ties=n == 20)


@pytest.mark.slow
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("n", [20, 100, 1000])
@pytest.mark.parametrize("spec", SPECS)
def test_many_samples(spec: str, n: int, ties: bool) -> None:
    check(spec, n, 1000 if n < 1000 else 300, ties=ties)


def average_precision(others: Floats, own: Floats, odds: float) -> float:
    """That of these two laws where there are `odds` examples of other classes for each of the class."""
    tpr, fpr = (np.array([(side >= t).mean() for t in own]) for side in (own, others))
    return float((tpr / (tpr + odds * fpr)).mean())


@pytest.mark.parametrize("n", [20, 100, pytest.param(1000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("ties", [False, True])
def test_aupr_at_the_samples_prevalence(n: int, ties: bool) -> None:
    whole, rng = population(n, ties).clean, np.random.default_rng(n)
    aupr, label = measures.build("aupr(class=other)"), 1
    own, others = np.flatnonzero(whole.y == label), np.flatnonzero(whole.y != label)
    m = n // 3
    truth = average_precision(*sides(whole, label, "aupr"), odds=(n - m) / m)
    drawn = [np.concatenate([rng.choice(own, m), rng.choice(others, n - m)]) for _ in range(60 if n < 1000 else 300)]
    assert_interval([aupr.measure(whole[rows], confidence=CONFIDENCE).interval for rows in drawn], truth, CONFIDENCE)


def test_a_figure_that_is_off_is_caught() -> None:
    law, rng = population(0, ties=False), np.random.default_rng(0)
    drawn = [law.clean[rng.integers(0, len(law.clean), 400)] for _ in range(60)]
    recall = measures.build("recall(class=common)")
    wrong = recall.measure(law.clean).value + 0.1
    with pytest.raises(AssertionError, match="missed"):
        assert_interval([recall.measure(sample, confidence=CONFIDENCE).interval for sample in drawn], wrong, CONFIDENCE)
