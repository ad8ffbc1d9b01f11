"""Prospect, LSVRG and the weights of a spectral risk against brute force and L-BFGS."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.optimize import minimize

from shiftproof.studies.bias_and_variance_reduction import Problem, batches, drawn, gaps, prospect, reference_points, worst_weights


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("cost", [0.05, 1.0])
def test_weights_are_the_best_mixture_of_all_reorderings(seed: int, cost: float) -> None:
    rng = np.random.default_rng(seed)
    losses, spectrum = rng.exponential(size=4), np.sort(rng.dirichlet(np.ones(4)))[::-1]
    orders = np.array(list(itertools.permutations(spectrum)))

    def lost(p: np.ndarray) -> float:
        q = p @ orders
        return float(-(q @ losses) + cost * 4 * ((q - 0.25) ** 2).sum() / 2)

    mixed = minimize(
        lost,
        np.full(len(orders), 1 / len(orders)),
        bounds=[(0, 1)] * len(orders),
        constraints={"type": "eq", "fun": lambda p: p.sum() - 1},
        options={"ftol": 1e-14, "maxiter": 500},
    )
    np.testing.assert_allclose(worst_weights(losses, spectrum, cost), mixed.x @ orders, atol=2e-4)


def test_the_slope_at_the_worst_weights_is_that_of_the_value() -> None:
    problem = drawn(30, np.random.default_rng(1))
    w = np.random.default_rng(2).normal(size=10)
    slope = problem.worst(problem.losses(w)) @ problem.slopes(w)
    each = np.eye(10) * 1e-6
    numeric = [(problem.value(w + step) - problem.value(w - step)) / 2e-6 for step in each]
    np.testing.assert_allclose(slope, numeric, rtol=1e-5, atol=1e-7)


def test_both_come_to_the_optimum_and_batches_do_not() -> None:
    problem = drawn(160, np.random.default_rng(3))
    found = {method: gaps(problem, method, 25, 0)[-1] for method in (prospect, reference_points, batches)}
    assert found[prospect] < -6
    assert found[reference_points] < -6
    assert found[batches] > -5


def test_equal_weights_are_least_squares() -> None:
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(20, 3)), rng.normal(size=20)
    problem = Problem(x, y, np.full(20, 1 / 20), 1.0, 0.1)
    exact = np.linalg.solve(x.T @ x / 20 + 0.1 * np.eye(3), x.T @ y / 20)
    assert problem.least() == pytest.approx(problem.value(exact), rel=1e-10)
