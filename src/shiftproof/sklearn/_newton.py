"""Newton's method with decreasing smoothing, and a certified gap at every stage."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from shiftproof._arrays import Floats
from shiftproof.sklearn._objective import Iterate, Objective, direction, raised

SMALL = 8192
"""With more examples than this, the first stages use a sixteenth of them."""
HELD = 20_000_000
"""The largest size of that part, in numbers: it is kept in memory even if the data are not."""
LOOKS, SHORT, FAR = 20, 0.1, 100.0
LEAST_DAMPING, MOST_DAMPING = 1e-3, 1e6
Say = Callable[[str], None]
SLOW, LARGE = 0.05, 1e5
COARSE, FINEST, FALL, STUCK, STAGES = 1e-4, 1e-9, 0.1, 0.99, 60
AFTER_PART = {True: 3e-4, False: 1e-3}
"""The first mu after a fit of a part, for smooth losses and others: one stage is then often enough; a smaller one takes more steps."""
QUICK = 40
"""Newton steps without smoothing, before a smooth problem is smoothed after all."""


@dataclass(frozen=True, eq=False)
class Solution:
    """The solution: coefficients (k, D), F there, F minus the proven lower bound, the worst weights there, and the Newton steps taken."""

    theta: Floats
    objective: float
    gap: float
    weights: Floats
    steps: int
    bent: Floats | None = None
    """The second derivative last used."""


def solve(problem: Objective, *, tol: float, steps: int, say: Say, start: Floats | None = None, seed: int = 0) -> Solution:
    """Minimises to a certified gap of `tol` times the objective (or times a thousandth of that at theta = 0, if that is more).

    Each stage minimises F_mu by semismooth Newton steps; mu falls tenfold between stages where needed. Large samples start from a solution
    on a part of them, drawn with `seed`; smooth problems start with a negligible mu. Stops when `steps` are used up; the gap is then
    larger than `tol`.

    Reference: Li, Sun & Toh 2018 [li2018highly], "A highly efficient semismooth Newton augmented Lagrangian method for solving lasso
    problems".
    """
    n = problem.x.shape[0]
    at_zero = problem.exact(problem.start, np.zeros((n, problem.loss.scores)))
    theta = problem.start if start is None else start
    first, bent = 0.01 if problem.loss.smooth else 10.0, None
    if start is None and n > SMALL:
        share = max(min(n // 16, HELD // problem.features), SMALL // 2)
        rows = np.sort(np.random.default_rng(seed).choice(n, share, replace=False))
        part = solve(problem.take(rows), tol=1e-4, steps=steps, say=lambda line: say(f"[{len(rows)} examples] {line}"), seed=seed)
        theta, first, bent = part.theta, AFTER_PART[problem.loss.smooth], part.bent
    if problem.smooth:
        quick = _stages(problem, theta, 1e-3 * tol, at_zero, tol, min(steps, QUICK), say, bent, stages=3)
        if quick.gap <= goal(tol, quick.objective, at_zero) or quick.steps >= steps:
            return quick
        theta, steps = quick.theta, steps - quick.steps
    return _stages(problem, theta, first, at_zero, tol, steps, say, bent)


def goal(tol: float, objective: float, at_zero: float) -> float:
    """The gap at which a fit ends."""
    return tol * max(objective, 1e-3 * at_zero)


def _stages(
    problem: Objective,
    theta: Floats,
    relative: float,
    at_zero: float,
    tol: float,
    steps: int,
    say: Say,
    bent: Floats | None = None,
    stages: int = STAGES,
) -> Solution:
    """Runs stages until the gap is small; `relative` is the first mu in units of the objective at 0.

    Each stage is smoothed around the worst weights and slopes at the end of the previous one (the method of multipliers), so that mu need
    not go to 0. The best point and the best bound are kept.
    """
    scores = problem.scores(theta)
    used, bound, last = 0, 0.0, math.inf
    best: tuple[Floats, float, Floats] | None = None
    point: Iterate | None = None
    for stage in range(stages):
        mu, around = relative * at_zero, point
        loose = 0.05 if scores.size * theta.size > LARGE else 1e-8
        small = (loose * tol * 0.01**stage if stages < STAGES else max(0.01 * relative**2, 0.01 * tol)) * at_zero
        point, taken, bent = _newton(
            problem, problem.at(theta, scores, mu, around), around, mu, accuracy=small, steps=steps - used, bent=bent
        )
        theta, scores, used = point.theta, point.scores, used + taken
        snapped, at = problem.snapped(point, mu)
        value = problem.exact(snapped, at)
        bound = max(bound, problem.lower_bound(point))
        if best is None or value <= best[1]:
            best = snapped, value, point.worst.weights
        gap = max(best[1] - bound, 0.0)
        say(f"smoothing {mu:.1e}  objective {best[1]:.9g}  gap {gap:.1e}  steps {used}")
        if gap <= goal(tol, best[1], at_zero) or used >= steps:
            break
        if relative == FINEST and gap > STUCK * last:
            break
        if gap > FALL * last or relative > COARSE:
            relative, bent = max(relative / 10, FINEST), None
        last = gap
    assert best is not None  # there is at least one stage
    return Solution(best[0], best[1], max(best[1] - bound, 0.0), best[2], used, bent)


def _newton(
    problem: Objective, point: Iterate, around: Iterate | None, mu: float, *, accuracy: float, steps: int, bent: Floats | None = None
) -> tuple[Iterate, int, Floats | None]:
    """Minimises F_mu until half the Newton decrement is below `accuracy`, or no step lowers it because of rounding.

    A second derivative (first `bent`) is reused while each step reduces the decrement to `SLOW` of the previous one.
    """
    damping, last = 0.0, math.inf
    slow = SLOW if point.scores.size * point.theta.size > LARGE else 0.0
    for taken in range(steps):
        slope = problem.gradient(point).ravel()
        reused = bent is not None and (last == math.inf or slow * last > 0)
        if bent is not None and reused:
            step, damping = _step(bent, slope, problem.scale, damping)
        if bent is None or not reused or -float(slope @ step) > slow * last:
            bent = problem.hessian(point, mu)
            step, damping = _step(bent, slope, problem.scale, damping)
        fall = float(slope @ step)
        new, length = _line(problem, point, around, step.reshape(point.theta.shape), fall, mu)
        last = -fall if length == 1 and damping == 0 else 0.0
        if new is None:
            if damping > MOST_DAMPING * max(1.0, 1 / mu):
                return point, taken + 1, bent
            damping = max(10 * damping, LEAST_DAMPING)
            continue
        if (-fall / 2 <= accuracy and damping == 0) or -fall <= 1e-16 * abs(point.value):
            return new, taken + 1, bent
        if length < SHORT:  # the step is too long for the curvature here: damp it
            damping = max(10 * damping, LEAST_DAMPING)
        elif length >= 1:
            damping = damping / 10 if damping > LEAST_DAMPING else 0.0
        point = new
    return point, steps, bent


def _step(bent: Floats, slope: Floats, scale: Floats, damping: float) -> tuple[Floats, float]:
    """The Newton step, damped where the second derivative is singular along the slope; and the damping used."""
    size = np.sqrt(np.where(scale > 0, scale, np.inf))
    while True:
        step = direction(raised(bent, damping * scale) if damping else bent, slope)
        left = float(np.linalg.norm((bent @ step + damping * scale * step + slope) / size))
        found = left <= 1e-6 * float(np.linalg.norm(slope / size)) and float(slope @ step) <= 0
        if found or damping > MOST_DAMPING:
            return step, damping
        damping = max(10 * damping, LEAST_DAMPING)


def _line(problem: Objective, point: Iterate, around: Iterate | None, step: Floats, fall: float, mu: float) -> tuple[Iterate | None, float]:
    """A line search on the convex F_mu until its slope has halved: the new point and the step length; None if no step helps."""
    moved = problem.scores(step)
    farthest = FAR * max(1.0, float(np.abs(point.scores).max()), point.value) / max(float(np.abs(moved).max()), 1e-300)
    low, high, at_low, at_high = 0.0, math.inf, fall, math.inf
    length = min(1.0, farthest)
    best = None
    for _ in range(LOOKS):
        new = problem.at(point.theta + length * step, point.scores + length * moved, mu, around)
        rise = problem.slope_along(new, step, moved)
        if rise <= 0 or new.value <= point.value:
            if abs(rise) <= 0.5 * abs(fall) or (rise < 0 and length == farthest):
                return new, length
            best = new, length
        if rise < 0:
            low, at_low = length, rise
            length = min(4 * length, farthest) if high == math.inf else length
        else:
            high, at_high = length, rise
        if high < math.inf:
            share = at_low / (at_low - at_high) if at_high > at_low else 0.5
            length = low + (high - low) * min(max(share, 0.1), 0.9)
    return best if best is not None else (None, 0.0)
