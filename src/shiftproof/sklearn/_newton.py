"""Newton's method with smoothing continuation, and a certificate at every stage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from shiftproof.sklearn._objective import Objective, Point, direction
from shiftproof.sklearn._smoothed import Floats

SMALL = 8192
"""With more examples than this the first stages see a sixteenth of them."""
HALVINGS, SHORT, FAR = 12, 0.1, 100.0
LEAST_DAMPING, MOST_DAMPING = 1e-3, 1e6
Say = Callable[[str], None]
QUICK = 40
"""Newton steps that a smooth problem may take before it is taken for one that is not."""


@dataclass(frozen=True, eq=False)
class Solution:
    """What was found: coefficients (k, D), F there, F less the proved lower bound, the worst weights there, and the Newton steps taken."""

    theta: Floats
    objective: float
    gap: float
    weights: Floats
    steps: int


def solve(problem: Objective, *, tol: float, steps: int, say: Say, start: Floats | None = None, seed: int = 0) -> Solution:
    """Minimises to a certified gap of `tol` times the objective (or of its thousandth at theta = 0, where that is more).

    Each stage minimises F_mu by semismooth Newton steps with Armijo's rule, then divides mu by ten. Large samples begin from a solution on
    a part of them, drawn by `seed`; where all is smooth the first stage has a mu that does not matter. Stops early where `steps` are
    used up;
    the gap then says how far it came.
    """
    n = len(problem.x)
    at_zero = problem.exact(problem.start, np.zeros((n, problem.loss.scores)))
    theta = problem.start if start is None else start
    first = 0.1 if problem.loss.smooth else 10.0
    if start is None and n > SMALL:
        rows = np.sort(np.random.default_rng(seed).choice(n, max(n // 16, SMALL // 2), replace=False))
        part = solve(problem.take(rows), tol=1e-4, steps=steps, say=lambda line: say(f"[{len(rows)} examples] {line}"), seed=seed)
        theta, first = part.theta, 1e-3
    if problem.smooth:
        quick = _stages(problem, theta, [1e-3 * tol], at_zero, tol, min(steps, QUICK), say)
        if quick.gap <= _goal(tol, quick.objective, at_zero) or quick.steps >= steps:
            return quick
        theta, steps = quick.theta, steps - quick.steps
    return _stages(problem, theta, [first * 10.0**-k for k in range(14)], at_zero, tol, steps, say)


def _goal(tol: float, objective: float, at_zero: float) -> float:
    return tol * max(objective, 1e-3 * at_zero)


def _stages(problem: Objective, theta: Floats, mus: Sequence[float], at_zero: float, tol: float, steps: int, say: Say) -> Solution:
    """One stage after another, `mus` in units of the objective at 0, until the gap is small enough. The best point and bound are kept."""
    scores = problem.scores(theta)
    used, bound, best = 0, 0.0, None
    for relative in mus:
        mu = relative * at_zero
        small = (1e-3 * tol if len(mus) == 1 else 0.01 * relative**2) * at_zero
        point, taken = _newton(problem, theta, scores, mu, accuracy=small, steps=steps - used)
        theta, scores, used = point.theta, point.scores, used + taken
        snapped, at = problem.snapped(theta, scores, mu)
        value = problem.exact(snapped, at)
        bound = max(bound, problem.lower_bound(point))
        if best is None or value <= best[1]:
            best = snapped, value, point.worst.weights
        gap = max(best[1] - bound, 0.0)
        say(f"smoothing {mu:.1e}  objective {best[1]:.9g}  gap {gap:.1e}  steps {used}")
        if gap <= _goal(tol, best[1], at_zero) or used >= steps:
            break
    assert best is not None  # `mus` is never empty
    return Solution(best[0], best[1], max(best[1] - bound, 0.0), best[2], used)


def _newton(problem: Objective, theta: Floats, scores: Floats, mu: float, *, accuracy: float, steps: int) -> tuple[Point, int]:
    """Minimises F_mu until half the Newton decrement is below `accuracy`, or rounding leaves no step that lowers it."""
    point, damping = problem.at(theta, scores, mu), 0.0
    for taken in range(steps):
        slope = problem.gradient(point, mu).ravel()
        bent = problem.hessian(point, mu)
        step = direction(bent + np.diag(damping * problem.scale), slope)
        fall = float(slope @ step)
        moved = step.reshape(theta.shape)
        if -fall / 2 <= accuracy and damping <= 1:  # the last step is nearly free, and squares the error
            return _line(problem, point, moved, problem.scores(moved), fall, mu)[0] or point, taken + 1
        new, length = _line(problem, point, moved, problem.scores(moved), fall, mu)
        if new is None and damping > MOST_DAMPING * max(1.0, 1 / mu):
            return point, taken + 1
        if length < SHORT:  # the losses bend too little here for the step: as if each bent by `damping` more
            damping = max(10 * damping, LEAST_DAMPING)
        elif length == 1:
            damping = damping / 10 if damping > LEAST_DAMPING else 0.0
        point = point if new is None else new
        if new is not None and -fall <= 1e-15 * abs(point.value):
            return point, taken + 1
    return point, steps


def _line(problem: Objective, point: Point, step: Floats, moved: Floats, fall: float, mu: float) -> tuple[Point | None, float]:
    """The first of the steps 1, 1/2, 1/4, ... that lowers F_mu enough, and its length; None where rounding leaves none."""
    farthest = FAR * max(1.0, float(np.abs(point.scores).max()), point.value)
    length = min(1.0, farthest / max(float(np.abs(moved).max()), 1e-300))
    slack = 1e-15 * abs(point.value) if -fall < 1e-12 * abs(point.value) else 0.0
    for _ in range(HALVINGS):
        new = problem.at(point.theta + length * step, point.scores + length * moved, mu)
        if new.value <= point.value + 1e-4 * length * fall + slack:
            return new, length
        length /= 2
    return None, 0.0
