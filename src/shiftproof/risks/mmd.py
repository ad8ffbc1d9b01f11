"""The worst reweighting that a kernel cannot tell from the sample."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from shiftproof._errors import must
from shiftproof.risks._kernels import Floats

_HALVINGS = 60
_TOLERANCE = 1e-9


class MMDWorst(NamedTuple):
    """The worst value found, the weights that attain it, shape (n,), sum 1, and a proven upper end of the value."""

    value: float
    weights: Floats
    at_most: float


def gaussian_kernel(x: npt.ArrayLike, *, bandwidth: float | None = None) -> Floats:
    """exp(-|x_i - x_j|^2 / (2 bandwidth^2)), shape (n, n); by default the median distance between examples."""
    points = np.asarray(x, dtype=np.float64).reshape(len(np.asarray(x)), -1)
    square = np.maximum(((points[:, None] - points[None]) ** 2).sum(-1), 0.0)
    apart = square[square > 0]
    scale = (float(np.median(apart)) if apart.size else 1.0) if bandwidth is None else bandwidth**2
    if not scale > 0:
        raise must("bandwidth", "gaussian_kernel", "be above 0", bandwidth)
    return np.asarray(np.exp(-square / (2 * scale)))


def mmd(losses: npt.ArrayLike, *, kernel: npt.ArrayLike, radius: float, iterations: int = 500) -> MMDWorst:
    """Sup of sum_i q_i l_i over weights q >= 0 of sum 1 with (q - 1/n)' K (q - 1/n) <= radius^2.

    While no weight is 0 it is mean + radius sqrt(c' K^-1 c), c the losses less the multiple of 1 that makes the weights sum to 1: how rough
    the losses are in the kernel's eyes. Staib & Jegelka bound the ball over all distributions; this one keeps to the sample's points.

    Args:
        losses: shape (n,).
        kernel: K, symmetric and positive semidefinite, shape (n, n), such as `gaussian_kernel(x)`.
        radius: in [0, inf); 0 is the mean.
        iterations: of each inner problem, at least 1.

    Guarantees:
        The weights are inside the ball and the value is theirs; `at_most` is a dual bound, so the true value lies between the two,
        whatever the iterations. No interval over the population: the set itself depends on the sample.
    Cost: 60 times `iterations` products with an (n, n) matrix at most; n up to a few thousand.

    >>> found = mmd([0.0, 1.0], kernel=np.eye(2), radius=0.1)
    >>> round(found.value, 4)  # 0.5 + 0.1 / sqrt(2)
    0.5707

    Reference: Staib & Jegelka 2019, "Distributionally robust optimization and generalization in kernel methods".
    """
    given, gram = np.asarray(losses, dtype=np.float64), np.asarray(kernel, dtype=np.float64)
    if given.ndim != 1 or not len(given) or not bool(np.isfinite(given).all()):
        raise must("losses", "mmd", "be finite numbers of shape (n,)", given.shape)
    if gram.shape != (len(given), len(given)) or not np.allclose(gram, gram.T):
        raise must("kernel", "mmd", f"be symmetric of shape {(len(given), len(given))}", gram.shape)
    if not 0 <= radius < math.inf:
        raise must("radius", "mmd", "be in [0, inf)", radius)
    if iterations < 1:
        raise must("iterations", "mmd", "be at least 1", iterations)
    p = np.full(len(given), 1 / len(given))
    if radius == 0 or given.max() == given.min():
        return MMDWorst(float(p @ given), p, float(p @ given))
    lift = max(float(np.linalg.eigvalsh(gram)[-1]), 1e-12)
    best, bound, q = p, float(given.max()), p
    worst = (given == given.max()) / (given == given.max()).sum()
    if _distance(worst - p, gram) <= radius:
        return MMDWorst(float(given.max()), worst, float(given.max()))
    low, high = -40.0, 40.0  # of the logarithm of the multiplier, in units of spread / (2 radius^2)
    unit = (given.max() - given.min()) / (2 * radius**2)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        price = unit * math.exp(middle)
        q = _penalised(given, gram, price, lift, q, iterations)
        slope = given - 2 * price * (gram @ (q - p))
        # Concave in q: its value at q plus the most that any move within the simplex gains bounds it, and so the ball's value.
        bound = min(bound, float(given @ q - price * ((q - p) @ gram @ (q - p)) + slope.max() - slope @ q) + price * radius**2)
        size = _distance(q - p, gram)
        inside = p + (q - p) * min(1.0, radius / size) if size > 0 else p
        best = inside if inside @ given > best @ given else best
        if bound - best @ given <= _TOLERANCE * max(1.0, abs(bound)):
            break
        low, high = (low, middle) if size <= radius else (middle, high)
    return MMDWorst(float(best @ given), best, max(bound, float(best @ given)))


def _distance(move: Floats, gram: Floats) -> float:
    return math.sqrt(max(float(move @ gram @ move), 0.0))


def _penalised(losses: Floats, gram: Floats, price: float, lift: float, start: Floats, iterations: int) -> Floats:
    """The weights that maximise sum q l - price (q - p)' K (q - p) over the simplex, by accelerated projected gradients."""
    p = 1 / len(losses)
    q, ahead, t = start, start, 1.0
    for _ in range(iterations):
        step = _onto_simplex(ahead + (losses - 2 * price * (gram @ (ahead - p))) / (2 * price * lift))
        further = (1 + math.sqrt(1 + 4 * t * t)) / 2
        if float((step - ahead) @ (step - q)) < 0:  # the momentum has overshot
            further = 1.0
        ahead = step + (t - 1) / further * (step - q)
        if float(np.abs(step - q).max()) < 1e-14:
            return step
        q, t = step, further
    return q


def _onto_simplex(v: Floats) -> Floats:
    """The nearest weights >= 0 of sum 1 (Held, Wolfe & Crowder 1974)."""
    ranked = np.sort(v)[::-1]
    over = np.cumsum(ranked) - 1
    k = int(np.flatnonzero(ranked > over / np.arange(1, len(v) + 1))[-1])
    return np.asarray(np.maximum(v - over[k] / (k + 1), 0.0))
