"""The worst-case weights of `risks/worst_weights.py`, smoothed and with their curvature, as Newton steps need them.

A risk is the greatest weighted mean over a set Q of reweightings of the base weights p (shape (n,), positive, sum 1):

    R(l) = max over q in Q of sum_i q_i l_i,        smoothed: R_mu(l) = max over q in Q of sum_i q_i l_i - mu D(q, p)

D is (1/2) sum_i p_i (q_i / p_i - 1)^2, and the Kullback-Leibler divergence for `kl`. The maximiser q is the gradient of R_mu (Danskin), and
where mu > 0 its curvature is diag(c) - V diag(s) V^T. With mu = 0 value and weights are exact.

Cost: a few passes over the losses; `spectral`, and every function at mu = 0, sorts: O(n log n).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from shiftproof._arrays import Floats
from shiftproof.risks import worst_weights

Ints = npt.NDArray[np.intp]
PASSES = 200
_MANY, _EVERY = 4096, 16


@dataclass(frozen=True, eq=False)
class Curvature:
    """The second derivative of a risk with respect to the losses: diag(diagonal) - factors @ diag(signs) @ factors.T.

    Args:
        diagonal: shape (n,), at least 0.
        factors: shape (n, r), dense, or sparse if r is large.
        signs: shape (r,); negative numbers add instead of subtracting.
    """

    diagonal: Floats
    factors: Floats | sparse.csr_array
    signs: Floats


@dataclass(frozen=True, eq=False)
class Weighing:
    """The (smoothed) risk of one sample, its worst-case weights (n,) and its curvature, None if there is none."""

    value: float
    weights: Floats
    curvature: Curvature | None = None


def mean(losses: Floats, base: Floats) -> Weighing:
    """The mean: the base weights themselves."""
    return Weighing(float(base @ losses), base)


def largest(losses: Floats, base: Floats) -> Weighing:
    """The worst example; ties share in proportion to their base weights."""
    top = losses == losses.max()
    held = np.where(top, base, 0.0)
    return Weighing(float(losses.max()), held / held.sum())


def cvar(losses: Floats, base: Floats, alpha: float, mu: float = 0.0) -> Weighing:
    """0 <= q <= p / alpha: the mean of the worst share `alpha` in (0, 1].

    >>> cvar(np.array([1.0, 2.0, 9.0]), np.full(3, 1 / 3), 0.5).weights.round(3).tolist()
    [0.0, 0.333, 0.667]
    """
    if alpha >= 1:
        return mean(losses, base)
    if mu > 0:
        return clipped(losses, base, 1 / alpha, mu)
    return _exact(worst_weights.cvar(losses, alpha=alpha, base=base))


def tail_mean(losses: Floats, base: Floats, alpha: float) -> float:
    """The value of `cvar` without its weights; without a sort if all base weights are equal."""
    n = len(losses)
    if (base == base[0]).all():
        edge = min(max(n - math.ceil(alpha * n), 0), n - 1)
        parted = np.partition(losses, edge)
        return float(parted[edge] + (parted[edge + 1 :] - parted[edge]).sum() / (alpha * n))
    order = np.argsort(losses)
    reached = np.minimum(np.cumsum(base[order]), 1.0)
    steps = np.diff(np.maximum(reached - (1 - alpha), 0.0) / alpha, prepend=0.0)
    return float(steps @ losses[order] / steps.sum())


def _exact(found: worst_weights.Reweighted) -> Weighing:
    return Weighing(found.value, found.weights)


def clipped(losses: Floats, base: Floats, cap: float, mu: float) -> Weighing:
    """The projection of 1 + l / mu on {0 <= w <= cap, E w = 1}, w = q / p, by a safeguarded Newton search for the threshold."""
    wanted = (losses - losses.max()) / mu  # near 0 for the largest losses, so that rounding does not change their weights
    density = wanted - _threshold(wanted, base, cap)
    _cut(density, cap)
    weights = base * density
    total = float(weights.sum())
    spread = float(weights @ density) - 2 * total + 1  # E (density - 1)^2
    weights /= total
    return Weighing(float(weights @ losses) - mu / 2 * spread, weights, _centred((density > 0) & (density < cap), base, mu))


def _cut(density: Floats, cap: float) -> None:
    """Clips to [0, cap], in place."""
    np.maximum(density, 0.0, out=density)
    np.minimum(density, cap, out=density)


def _threshold(wanted: Floats, base: Floats, cap: float) -> float:
    """The eta at which the mean of min(max(wanted - eta, 0), cap) is 1; of many examples it starts from that of every sixteenth.

    Of few it starts where the share 1 / cap lies above eta + cap / 2, which is eta if examples around there lie evenly.
    """
    low, high = float(wanted.min()) - cap, 0.0
    eta = float(base @ wanted) - 1
    if len(wanted) <= _MANY and cap < math.inf:
        edge = min(int(len(wanted) * (1 - 1 / cap)), len(wanted) - 1)
        eta = float(np.partition(wanted, edge)[edge]) - cap / 2
    elif len(wanted) > _MANY:
        some = base[::_EVERY]
        eta = _threshold(wanted[::_EVERY], some / some.sum(), cap)
    eta = min(max(eta, low), high)
    last = math.inf
    for turn in range(PASSES):
        density = wanted - eta
        inside = (density > 0) & (density < cap)
        _cut(density, cap)
        excess = float(base @ density) - 1
        low, high = (eta, high) if excess > 0 else (low, eta)
        slope = float(base @ inside)
        new = eta + excess / slope if slope else (low + high) / 2
        stuck = turn % 4 == 3 and abs(excess) > 0.1 * last  # Newton's step may alternate between two segments; halving cannot
        if stuck or not low < new < high:
            new = (low + high) / 2
        if abs(excess) < 1e-13 or new == eta:
            break
        eta, last = new, abs(excess)
    return eta


def _centred(free: npt.NDArray[np.bool_], base: Floats, mu: float) -> Curvature:
    """The curvature where the weights in `free` change with the losses and their sum is fixed."""
    held = np.where(free, base, 0.0)
    total = float(held.sum())
    return Curvature(held / mu, held[:, None], np.array([1 / (mu * total) if total else 0.0]))


def chi_square(losses: Floats, base: Floats, radius: float, mu: float = 0.0) -> Weighing:
    """(1/2) E (q / p - 1)^2 <= radius: sqrt(1 + 2 radius) sqrt(E max(0, l - eta)^2) + eta at the best eta; radius in [0, inf].

    >>> chi_square(np.array([0.0, 1.0]), np.full(2, 0.5), 0.125).weights.tolist()
    [0.25, 0.75]
    """
    spread = float(np.ptp(losses))
    if radius == 0 or spread == 0:
        return mean(losses, base)
    if mu > 0:
        inside = clipped(losses, base, math.inf, mu)
        if float(((inside.weights - base) ** 2 / base).sum()) / 2 <= radius:
            return inside
    top = losses == losses.max()
    if (1 + 2 * radius) * float(base[top].sum()) >= 1:
        return largest(losses, base)
    eta = _chi_square_threshold(losses, base, 1 + 2 * radius)
    rise = np.maximum(losses - eta, 0.0)
    first, second = float(base @ rise), math.sqrt(float(base @ rise**2))
    scale = math.sqrt(1 + 2 * radius)
    weights = base * rise / first
    free = np.where(rise > 0, base, 0.0)
    cross = free / second - base * rise * (first / second**3)
    bend = float(free.sum()) / second - first**2 / second**3
    factors = np.column_stack([base * rise, cross])
    signs = np.array([scale / second**3, scale / bend if bend > 0 else 0.0])
    return Weighing(float(weights @ losses) - mu * radius, weights, Curvature(scale / second * free, factors, signs))


def _chi_square_threshold(losses: Floats, base: Floats, reach: float) -> float:
    """Eta with E a^2 = reach (E a)^2, a = max(0, l - eta): closed form given the set above eta, which is found by iteration."""
    centre = float(base @ losses)
    shifted = losses - centre
    low, high = -math.inf, float(shifted.max())
    eta = -math.sqrt(float(base @ shifted**2) / (reach - 1))
    for _ in range(PASSES):
        above = shifted > eta
        held, rises = base[above], shifted[above]
        total = float(held.sum())
        middle = float(held @ rises) / total
        spread = float(held @ (rises - middle) ** 2) / total
        gap = middle - eta
        too_high = spread + gap**2 > reach * total * gap**2
        low, high = (low, min(high, eta)) if too_high else (max(low, eta), high)
        share = reach * total - 1
        new = middle - math.sqrt(spread / share) if share > 0 else high
        if abs(new - eta) <= 1e-15 * (abs(eta) + gap):
            break
        eta = new if low < new < high else ((low + high) / 2 if math.isfinite(low) else new)
    return eta + centre


def kl(losses: Floats, base: Floats, radius: float, mu: float = 0.0) -> Weighing:
    """KL(q, p) <= radius: min over t > 0 of t log E exp(l / t) + t * radius; radius in [0, inf].

    >>> round(kl(np.array([0.0, 1.0]), np.full(2, 0.5), 0.1).value, 4)
    0.7198
    """
    if radius == 0 or np.ptp(losses) == 0:
        return mean(losses, base)
    if mu == 0 and radius >= -math.log(float(base[losses == losses.max()].sum())):
        return largest(losses, base)
    temperature = mu
    if mu == 0 or _divergence(losses, base, mu) > radius:
        temperature = _temperature(losses, base, radius)
    weights = _tilted(losses, base, temperature)
    centre = float(weights @ losses)
    deviation = weights * (losses - centre)
    variance = float(deviation @ losses) - float(deviation.sum()) * centre
    bound = temperature > mu and variance > 0
    factors = np.column_stack([weights, deviation]) if bound else weights[:, None]
    signs = np.array([1 / temperature, 1 / (temperature * variance)]) if bound else np.array([1 / temperature])
    value = centre - mu * (radius if temperature > mu else _divergence(losses, base, temperature))
    return Weighing(value, weights, Curvature(weights / temperature, factors, signs))


def _tilted(losses: Floats, base: Floats, temperature: float) -> Floats:
    raised = base * np.exp((losses - losses.max()) / temperature)
    return np.asarray(raised / raised.sum())


def _divergence(losses: Floats, base: Floats, temperature: float) -> float:
    raised = (losses - losses.max()) / temperature
    tilted = base * np.exp(raised)
    total = float(tilted.sum())
    return float(tilted @ raised) / total - math.log(total)


def _temperature(losses: Floats, base: Floats, radius: float) -> float:
    """The t with KL(q_t, p) = radius."""
    return temperature_for(lambda t: _divergence(losses, base, t), radius, float(np.ptp(losses)))


def temperature_for(distance: Callable[[float], float], radius: float, spread: float) -> float:
    """The t at which a distance that decreases in t equals the radius, by Brent's method."""
    from scipy.optimize import brentq

    low = high = math.log(spread)
    while distance(math.exp(high)) > radius:
        high += 2.0
    while distance(math.exp(low)) < radius:
        low -= 2.0
        if low < math.log(spread) - 60:
            return math.exp(low)
    if low == high:
        return math.exp(low)
    return math.exp(brentq(lambda t: distance(math.exp(t)) - radius, low, high, xtol=1e-14, rtol=1e-14))


def spectral(losses: Floats, base: Floats, spectrum: Callable[[Floats], Floats], mu: float = 0.0) -> Weighing:
    """Weights by rank: q of the sorted losses are the increments of `spectrum` over the cumulative p; it is convex from 0 at 0 to 1 at 1.

    Smoothed by isotonic regression: examples that it pools form a block, within which weights change with the losses.
    """
    from scipy.optimize import isotonic_regression

    if mu == 0:
        return _exact(worst_weights.spectral(losses, cumulative=spectrum, base=base))
    order = np.argsort(losses, kind="stable")
    sorted_base = base[order]
    reached = np.minimum(np.concatenate([[0.0], np.cumsum(sorted_base)]), 1.0)
    reached[-1] = 1.0
    steps = np.diff(spectrum(reached))
    weights = np.empty_like(losses)
    wanted = losses[order] / mu + 1
    fit = isotonic_regression(wanted - steps / sorted_base, weights=sorted_base)
    density = wanted - fit.x
    weights[order] = sorted_base * density
    value = float(weights @ losses) - mu / 2 * float(sorted_base @ (density - 1) ** 2)
    return Weighing(value, weights, _blocks(fit.blocks.astype(np.intp), order, sorted_base, mu))


def _blocks(starts: Ints, order: Ints, sorted_base: Floats, mu: float) -> Curvature:
    """`_centred` within each block of more than one example; `starts` has one entry more than blocks."""
    sizes = np.diff(starts)
    many = np.flatnonzero(sizes > 1)
    free = np.repeat(sizes > 1, sizes)
    n = len(order)
    diagonal = np.zeros(n)
    diagonal[order] = np.where(free, sorted_base / mu, 0.0)
    column = np.repeat(np.arange(len(many)), sizes[many])
    factors = sparse.csr_array((sorted_base[free], (order[free], column)), shape=(n, len(many)))
    totals = np.bincount(column, sorted_base[free], minlength=len(many)) if len(many) else np.zeros(0)
    return Curvature(diagonal, factors, 1 / (mu * totals))


def moved_mass(radius: float) -> Callable[[Floats], Floats]:
    """The spectrum of the total variation ball: the share `radius` of the mass, of the best examples, moves to the worst one.

    >>> spectral(np.array([0.0, 1.0, 2.0, 3.0]), np.full(4, 0.25), moved_mass(0.25)).weights.tolist()
    [0.0, 0.25, 0.25, 0.5]
    """
    share = min(radius, 1.0)
    return lambda u: np.where(u >= 1, 1.0, np.maximum(u - share, 0.0))
