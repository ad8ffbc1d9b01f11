"""The mixture of two clouds: its best classifiers against the paper's formulas and a numerical search; and the spread between classes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import norm

from shiftproof.data.arrays import examples
from shiftproof.studies.accuracy_disparity import TwoClouds, spread
from shiftproof.studies.quantity import Quantity, less
from shiftproof.studies.trial import Task

CLOUDS = TwoClouds(features=3, eta=0.8, ratio=2.5, eps=0.3)


def _error(clouds: TwoClouds, w: np.ndarray, bias: float, eps: float) -> float:
    """Error of sign(w x + bias) under the worst moves of Linf size eps."""
    pull, size = clouds.eta * w.sum() - eps * np.abs(w).sum(), np.linalg.norm(w)
    return float((norm.sf((pull - bias) / size) + norm.sf((pull + bias) / (clouds.ratio * size))) / 2)


@pytest.mark.parametrize("eps", [0.0, 0.3])
def test_no_other_linear_classifier_errs_less(eps: float) -> None:
    w, bias = CLOUDS.best(eps)
    best = _error(CLOUDS, w, bias, eps)
    numbers = np.random.default_rng(0)
    for far in (0.01, 0.1, 1.0):
        tried = [_error(CLOUDS, w + far * numbers.normal(size=3), bias + far * numbers.normal(), eps) for _ in range(300)]
        assert min(tried) >= best - 1e-12
        assert min(tried) <= best + far  # the trials come near it
    thresholds = [_error(CLOUDS, w, b, eps) for b in np.linspace(-3, 3, 2001)]
    assert min(thresholds) == pytest.approx(best, abs=1e-5)


@pytest.mark.parametrize("eps", [0.0, 0.1])
def test_accuracies_of_the_best_are_the_papers_theorems(eps: float) -> None:
    clouds = TwoClouds()
    k, root = clouds.ratio, math.sqrt(clouds.features)
    b = 2 / (k**2 - 1) * root * (clouds.eta - eps)
    q = 2 * math.log(k) / (k**2 - 1)
    easy = norm.cdf(b - k * math.sqrt(b**2 + q) - root * eps)
    hard = norm.cdf(-k * b + math.sqrt(b**2 + q) - root * eps / k)
    assert clouds.accuracies(*clouds.best(eps)) == pytest.approx((1 - easy, 1 - hard))


def test_accuracies_are_those_of_drawn_examples() -> None:
    w, bias = np.array([1.0, 0.5, -0.2]), 0.3
    drawn = CLOUDS.draw(40_000, np.random.default_rng(0))
    said = drawn.x.double().numpy() @ w + bias > 0
    y = drawn.y.numpy() == 1
    assert (~said[~y]).mean() == pytest.approx(CLOUDS.accuracies(w, bias)[0], abs=0.012)
    assert said[y].mean() == pytest.approx(CLOUDS.accuracies(w, bias)[1], abs=0.012)


def test_spread_is_named_on_one_half_and_measured_on_the_other() -> None:
    y = np.repeat([0, 1, 2], 4)
    task = Task(examples(torch.zeros(1, 1), [0]), examples(torch.zeros(12, 1), list(y)))
    named = np.array([1, 1, 1, 1, 0, 0, 0, 0, 1, 0, 0, 1], dtype=bool)  # best class 0, worst class 1, on both halves
    measured = np.array([1, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0], dtype=bool)
    # odd places: class 0 has 1 of 2 right, class 1 has 1 of 2; even places: 2 of 2, and 0 of 2
    assert spread(task, named, measured).value == pytest.approx((0 + 1) / 2)
    assert spread(task, named, named).value == pytest.approx(1)
    assert spread(task, named, measured).unit == "points"


def test_a_difference_has_the_errors_of_both() -> None:
    found = less(Quantity(0.9, 0.03), Quantity(0.5, 0.04))
    assert (found.value, found.error) == pytest.approx((0.4, 0.05))
    assert found.unit == "points"
