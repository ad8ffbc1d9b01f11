"""Variance-reduced stochastic gradients for a risk, without bias, with one chunk in memory at a time and with a certificate.

Minimises the same smoothed objectives as `_newton`. Each pass over the data starts at a reference point with exact scores, worst weights
and gradient, and takes one step per batch. The gradient of the batch at the reference point is subtracted from that at the current point,
which reduces the variance (SVRG). Current weights are those of the reference point, extrapolated with their derivative: with the loss of
each example, and with the few thresholds of the risk. So weights are never computed from a batch alone, which is the cause of the bias of
mini-batches under a risk (Levy et al. 2020 [levy2020large]), and the losses are sorted once per pass: O(log n) per example. Steps are
scaled by the second derivative on a few examples.

Prospect (Mehta et al. 2024 [mehta2024distributionally]) uses the weights of the losses last seen instead of a derivative. The multilevel
estimator of Levy et al. needs no memory of the examples, but is noisier; for a linear model that memory is two numbers per example.

Reference: Mehta, Roulet, Pillutla & Harchaoui 2024, "Distributionally robust optimization with bias and variance reduction"; Levy, Carmon,
Duchi & Sidford 2020, "Large-scale methods for distributionally robust optimization"; Frangella et al. 2024 [frangella2024promise],
"PROMISE: preconditioned stochastic optimization methods by incorporating scalable curvature estimates".
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from shiftproof._arrays import Floats
from shiftproof.sklearn._losses import At
from shiftproof.sklearn._newton import FAR, Say, Solution, goal
from shiftproof.sklearn._objective import Iterate, Objective, inverted
from shiftproof.sklearn._smoothed_risks import Curvature, Weighing

BATCH, BATCHES = 512, 32
"""The most examples per batch, and the least batches per pass."""
PART, PER_COEFFICIENT = 4096, 4
"""The least examples used for the second derivative, in total and per coefficient."""
COARSEST, FINEST, FALL = 0.1, 1e-3, 0.1
"""mu in units of the objective at 0, first and last; and the share to which a stage must reduce the gap to keep its mu."""
FIRST, MOST, DAMPING = 0.3, 0.5, 0.1
"""First and largest step size, in units of a Newton step, and the relative damping of the second derivative."""
NARROW, ROUNDS = 500, 25
"""With more coefficients than this, the Newton steps of the lower bound use the second derivative on a part, and more rounds."""


def solve(problem: Objective, *, tol: float, steps: int, say: Say, start: Floats | None = None, seed: int = 0) -> Solution:
    """Minimises as `_newton.solve` does, to the same certified gap, for losses without kinks; `steps` are passes over the data."""
    rng = np.random.default_rng(seed)
    at_zero = problem.exact(problem.start, np.zeros((problem.x.shape[0], problem.loss.scores)))
    theta = problem.start if start is None else start
    relative, rate, last, bound = COARSEST, FIRST, math.inf, 0.0
    point = problem.at(theta, problem.scores(theta), relative * at_zero)
    around: Iterate | None = None
    best, scaling = (theta, problem.exact(theta, point.scores), point.worst.weights), None
    for taken in range(1, steps + 1):
        scaling = _scaled(problem, point, relative * at_zero, rng) if scaling is None else scaling
        slope = problem.gradient(point).ravel()
        if float(slope @ scaling[0] @ slope) / 2 <= max(0.01 * relative**2, 0.1 * tol) * at_zero or taken == steps:
            wide = point.theta.size > NARROW
            bound = max(bound, problem.lower_bound(point, rounds=ROUNDS, repair=scaling[1]) if wide else problem.lower_bound(point))
            gap = max(best[1] - bound, 0.0)
            say(f"smoothing {relative * at_zero:.1e}  objective {best[1]:.9g}  gap {gap:.1e}  passes {taken}")
            if gap <= goal(tol, best[1], at_zero):
                break
            around, last, relative = point, gap, max(relative / 10, FINEST) if gap > FALL * last else relative
            point = problem.at(point.theta, point.scores, relative * at_zero, around)
            scaling = _scaled(problem, point, relative * at_zero, rng)
        moved = passed(problem, point, around, relative * at_zero, rate * scaling[0], rng)
        new = problem.at(moved, problem.scores(moved), relative * at_zero, around) if np.isfinite(moved).all() else None
        if new is None or new.value > point.value + 1e-14 * abs(point.value):
            rate, scaling = rate / 4, None
            continue
        point, rate = new, min(1.5 * rate, MOST)
        snapped, scores = problem.snapped(point, relative * at_zero)
        value = problem.exact(snapped, scores)
        best = (snapped, value, point.worst.weights) if value <= best[1] else best
    return Solution(best[0], best[1], max(best[1] - bound, 0.0), best[2], taken)


def passed(problem: Objective, point: Iterate, around: Iterate | None, mu: float, steps: Floats, rng: np.random.Generator) -> Floats:
    """The coefficients after one pass over the data, NaN if it diverged; `steps` is the matrix that multiplies a flat gradient."""
    n, k, d = len(point.scores), problem.loss.scores, problem.features
    there = point.worst.weights[:, None] * point.loss.slopes
    total, theta = problem.pulled_back(there), point.theta.copy()
    curvature = point.worst.curvature
    thresholds = problem.drawn(curvature.factors, point.loss.slopes) if curvature else None
    far = FAR * max(1.0, float(np.abs(point.scores).max()))
    for rows, block in problem.x.batches(rng, max(1, min(n // BATCHES, BATCH))):
        scores = block @ theta[:, :d].T + (theta[:, -1] if problem.intercept else 0.0)
        if not float(np.abs(scores).max()) <= far:  # the step was too long, or a number is NaN
            return np.full_like(theta, np.nan)
        loss = problem.loss.take(rows).at(scores, mu)
        weights = point.worst.weights[rows]
        if curvature and thresholds is not None:
            weights = weights + curvature.diagonal[rows] * (loss.values - point.loss.values[rows])
            weights = weights - curvature.factors[rows] @ (curvature.signs * (thresholds @ (theta - point.theta).ravel()))
        change = np.maximum(weights, 0.0)[:, None] * loss.slopes - there[rows]
        pulled = change.T @ block
        slope = total + (np.column_stack([pulled, change.sum(0)]) if problem.intercept else pulled) * (n / len(rows))
        slope[:, :d] += problem.ridge * theta[:, :d]
        if problem.norm:
            slope[:, :d] += problem.penalised(theta[:, :d].ravel(), mu, around)[1].reshape(k, d)
        theta -= (steps @ slope.ravel()).reshape(theta.shape)
    return np.asarray(theta)


def _scaled(problem: Objective, point: Iterate, mu: float, rng: np.random.Generator) -> tuple[Floats, Callable[[Floats], Floats]]:
    """From a part of the examples: the inverse of F_mu's second derivative, (k D, k D), and the Newton steps of the lower bound."""
    n = len(point.scores)
    rows = np.sort(rng.choice(n, min(n, max(PART, PER_COEFFICIENT * point.theta.size)), replace=False))
    share, curvature = len(rows) / n, point.worst.curvature
    if curvature is not None:
        curvature = Curvature(curvature.diagonal[rows] / share, curvature.factors[rows] / share, curvature.signs)
    part = replace(
        point,
        scores=point.scores[rows],
        loss=At(point.loss.values[rows], point.loss.slopes[rows], point.loss.bends[rows]),
        worst=Weighing(point.worst.value, point.worst.weights[rows] / share, curvature),
    )
    sample = problem.take(rows)
    moving = sample.hessian(part, mu)
    ratio = float(np.median(moving.diagonal() / np.where(problem.scale > 0, problem.scale, np.inf)))
    inverse = np.linalg.inv(moving + np.diag(DAMPING * ratio * problem.scale + 1e-300))
    return np.asarray(inverse, dtype=np.float64), inverted(sample.repair(part))
