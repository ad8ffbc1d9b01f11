"""The worst weights in a kernel ball: exact for the kernel that is 1 for equal values and 0 otherwise, else between two bounds."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from shiftproof._arrays import Floats
from shiftproof._errors import must

_HALVINGS = 60
_TOLERANCE = 1e-9
_LOOK = 8


class MMDWorst(NamedTuple):
    """The worst value found, the weights that attain it, shape (n,), sum 1, and a proven upper bound of the value."""

    value: float
    weights: Floats
    at_most: float


def euclidean(losses: Floats, base: Floats, radius: float) -> MMDWorst:
    """The ball of `mmd` for K the identity: q is p + t l projected on the simplex, with the t at which the ball ends."""
    if not bool(np.isfinite(losses).all()):
        raise must("losses", "mmd", "be finite numbers of shape (n,)", losses.tolist()[:8])
    plain, p = math.fsum(losses * base) / math.fsum(base), base / base.sum()
    unit = losses - losses.max()
    worst = (unit == 0) / (unit == 0).sum()
    if radius == 0 or not unit.any():
        return MMDWorst(plain, p, plain)
    if float(np.linalg.norm(worst - p)) <= radius:
        return MMDWorst(float(losses.max()), worst, float(losses.max()))
    low, high = 0.0, min(1 / float(-unit.min()), 1e300)  # of losses that are all but equal the inverse is infinite
    while float(np.linalg.norm(_onto_simplex(p + high * unit) - p)) < radius and high < 1e300:
        low, high = high, 2 * high
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        inside = float(np.linalg.norm(_onto_simplex(p + middle * unit) - p)) <= radius
        low, high = (middle, high) if inside else (low, middle)
    q = _onto_simplex(p + low * unit)
    value = float(losses.max()) + math.fsum(q * unit)
    return MMDWorst(value, q, value)


def bisection(given: Floats, gram: Floats, p: Floats, radius: float, iterations: int) -> MMDWorst:
    """The ball of `mmd` by bisection over the penalty of the distance; each penalised problem is solved by accelerated gradients."""
    lift = max(float(np.linalg.eigvalsh(gram)[-1]), 1e-12)
    best, bound, q = p, float(given.max()), p
    low, high = -40.0, 40.0  # of the logarithm of the penalty, in units of spread / (2 radius^2)
    unit = (given.max() - given.min()) / (2 * radius**2)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        penalty = unit * math.exp(middle)
        q = _penalised(given, gram, penalty, lift, q, p, iterations)
        slope = given - 2 * penalty * (gram @ (q - p))
        # Concave in q: the value at q plus the largest gain of any move within the simplex bounds it, and so the value of the ball.
        bound = min(bound, float(given @ q - penalty * ((q - p) @ gram @ (q - p)) + slope.max() - slope @ q) + penalty * radius**2)
        size = distance(q - p, gram)
        inside = p + (q - p) * min(1.0, radius / size) if size > 0 else p
        best = inside if inside @ given > best @ given else best
        if bound - best @ given <= _TOLERANCE * max(1.0, abs(bound)):
            break
        low, high = (low, middle) if size <= radius else (middle, high)
    return MMDWorst(float(best @ given), best, max(bound, float(best @ given)))


def distance(move: Floats, gram: Floats) -> float:
    """sqrt(d' K d) of a difference of weights."""
    return math.sqrt(max(float(move @ gram @ move), 0.0))


def _penalised(losses: Floats, gram: Floats, penalty: float, lift: float, start: Floats, p: Floats, iterations: int) -> Floats:
    """The weights that maximise sum q l - penalty (q - p)' K (q - p) over the simplex, by accelerated projected gradients."""
    q, ahead, t = start, start, 1.0
    enough = 1e-3 * _TOLERANCE * max(1.0, float(np.abs(losses).max()))
    for k in range(iterations):
        if k % _LOOK == 0:
            slope = losses - 2 * penalty * (gram @ (q - p))
            if float(slope.max() - slope @ q) <= enough:  # no move within the simplex gains more
                return q
        step = _onto_simplex(ahead + (losses - 2 * penalty * (gram @ (ahead - p))) / (2 * penalty * lift))
        further = (1 + math.sqrt(1 + 4 * t * t)) / 2
        if float((step - ahead) @ (step - q)) < 0:  # the momentum has overshot
            further = 1.0
        ahead = step + (t - 1) / further * (step - q)
        if float(np.abs(step - q).max()) < 1e-14:
            return step
        q, t = step, further
    return q


def _onto_simplex(v: Floats) -> Floats:
    """The nearest weights >= 0 with sum 1 (Held, Wolfe & Crowder 1974 [held1974validation])."""
    v = v - v.max()  # the same weights, and no value so large that 1 is lost beside it
    ranked = np.sort(v)[::-1]
    over = np.cumsum(ranked) - 1
    k = int(np.flatnonzero(ranked > over / np.arange(1, len(v) + 1))[-1])
    return np.asarray(np.maximum(v - over[k] / (k + 1), 0.0))
