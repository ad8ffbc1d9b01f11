"""Label shift: the least mix of recalls against linear programming, and its interval against planted recalls."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import linprog

from shiftproof import UsageError
from shiftproof.measures import Answered, LabelShift
from shiftproof.measures.answered import Bools, Floats, Ints
from validity import assert_interval

CONFIDENCE = 0.9


def least(shares: Floats, recalls: Floats, times: float) -> float:
    found = linprog(recalls, A_eq=np.ones((1, len(shares))), b_eq=[1], bounds=list(zip(shares / times, shares * times, strict=True)))
    return float(found.fun)


def answered(y: Ints, right: Bools, classes: int) -> Answered:
    return Answered(y, right, tuple(f"c{label}" for label in range(classes)))


@pytest.mark.parametrize("times", [1, 1.3, 2, 50])
@pytest.mark.parametrize("classes", [2, 3, 7])
def test_as_linear_programming(times: float, classes: int) -> None:
    rng = np.random.default_rng(classes)
    y = np.append(np.arange(classes), rng.integers(0, classes, 40))
    right = rng.random(len(y)) < 0.6
    shares, recalls = np.bincount(y) / len(y), np.array([right[y == label].mean() for label in range(classes)])
    assert LabelShift(times).measure(answered(y, right, classes)).value == pytest.approx(least(shares, recalls, times))


def test_its_ends() -> None:
    y, right = np.array([0] * 90 + [1] * 10), np.array([True] * 90 + [False] * 10)
    a = answered(y, right, 3)  # the third class is absent, and stays so
    assert LabelShift(1).measure(a).value == pytest.approx(0.9)  # accuracy
    assert LabelShift(2).measure(a).value == pytest.approx(0.8)
    assert LabelShift(1000).measure(a).value == pytest.approx(0.9 / 1000)  # what is left to the first class
    assert math.isnan(LabelShift().measure(a[y > 1]).value)
    with pytest.raises(UsageError, match="'times' of label_shift must be at least 1, got 0.5"):
        LabelShift(0.5)


@pytest.mark.parametrize("recalls", [(0.95, 0.6), (0.99, 0.9, 0.2), (0.9,) * 12])
@pytest.mark.parametrize("n", [20, 100, pytest.param(1000, marks=pytest.mark.slow)])
def test_validity(recalls: tuple[float, ...], n: int) -> None:
    rng, k = np.random.default_rng(n), len(recalls)
    p = np.array([0.9, *[0.1 / (k - 1)] * (k - 1)])
    intervals, truths = [], []
    for _ in range(400):
        y = rng.choice(k, n, p=p)
        there, counts = np.unique(y, return_counts=True)
        intervals.append(LabelShift(2).measure(answered(y, rng.random(n) < np.array(recalls)[y], k), confidence=CONFIDENCE).interval)
        truths.append(least(counts / n, np.array(recalls)[there], 2))
    assert_interval(intervals, truths, CONFIDENCE)


def test_many_classes_say_something() -> None:
    y = np.arange(1000) % 100
    low, high = LabelShift(2).measure(answered(y, y % 20 > 0, 100)).interval
    assert low > 0.8
    assert high < 0.97
