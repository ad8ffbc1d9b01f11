"""Exact rules of stable mixtures against draws, a search of all rules, and moved inputs."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from shiftproof.studies.disparity_under_imbalance import CAUCHY, GAUSSIAN, HOLTSMARK, SignRule, StableClouds, trained

KINDS = [GAUSSIAN, HOLTSMARK, CAUCHY]


def _errors(clouds: StableClouds, w: np.ndarray, bias: np.ndarray, eps: float) -> np.ndarray:
    """The share of errors under moves of eps, for weights of shape (n, d) and biases (n,)."""
    size = (np.abs(w) ** clouds.alpha).sum(1) ** (1 / clouds.alpha)
    pull = w @ clouds.mean - eps * np.abs(w).sum(1)
    less, more = clouds.below((pull - bias) / size), clouds.below((pull + bias) / size)
    return np.asarray((clouds.ratio * (1 - less) + 1 - more) / (clouds.ratio + 1))


@pytest.mark.parametrize("alpha", KINDS)
def test_exact_accuracies_are_those_of_draws(alpha: float) -> None:
    clouds = StableClouds(alpha, 2.0, features=4)
    rule = SignRule(np.array([0.2, -0.1, 0.5, 1.0]), 0.3)
    x, y = clouds.draw(100_000, np.random.default_rng(0))
    assert (y < 0).sum() == 2 * (y > 0).sum()
    right = np.sign(x @ rule.w + rule.bias) == y
    assert clouds.accuracies(rule) == pytest.approx((right[y < 0].mean(), right[y > 0].mean()), abs=0.006)


@pytest.mark.parametrize(("alpha", "ratio", "attacked"), [*product(KINDS, (1.0, 3.0, 60.0), (False, True))])
def test_no_rule_makes_fewer_errors_than_the_best(alpha: float, ratio: float, attacked: bool) -> None:
    clouds = StableClouds(alpha, ratio, features=2)
    eps = clouds.eps if attacked else 0.0
    angle, bias = (each.ravel() for each in np.meshgrid(np.linspace(-np.pi, np.pi, 41), [*np.linspace(-8, 8, 65), -1e12, 1e12]))
    w = np.column_stack([np.cos(angle), np.sin(angle)])
    found = clouds.best(eps)
    least = _errors(clouds, found.w[None], np.array([found.bias]), eps)[0]
    every = _errors(clouds, w, bias, eps)
    assert least <= every.min() + 1e-6
    assert every.min() - least < 0.02


def test_a_rare_class_is_given_up_under_cauchy_noise_and_never_under_gaussian() -> None:
    assert StableClouds(CAUCHY, 200).accuracies(StableClouds(CAUCHY, 200).best(0.0)) == pytest.approx((1, 0), abs=1e-6)
    assert StableClouds(GAUSSIAN, 200).accuracies(StableClouds(GAUSSIAN, 200).best(0.0))[1] > 0.5


def test_training_meets_the_exact_worst_case() -> None:
    clouds = StableClouds(GAUSSIAN, 3.0, features=5)
    x, y = clouds.draw(400, np.random.default_rng(1))
    rule = trained(x, y, eps=0.1, steps=600)
    moved = x - 0.1 * y[:, None] * np.sign(rule.w)  # the worst moves of the rule that was found

    def loss(w: np.ndarray, bias: float) -> float:
        return float(np.logaddexp(0, -y * ((x - 0.1 * y[:, None] * np.sign(w)) @ w + bias)).mean())

    here = loss(rule.w, rule.bias)
    assert here == pytest.approx(np.logaddexp(0, 0.1 * np.abs(rule.w).sum() - y * (x @ rule.w + rule.bias)).mean())
    assert here > np.logaddexp(0, -y * (x @ rule.w + rule.bias)).mean()
    assert np.abs(moved - x).max() == pytest.approx(0.1)
    for place in range(5):
        for way in (-0.05, 0.05):
            other = rule.w.copy()
            other[place] += way
            assert loss(other, rule.bias) >= here - 1e-5
