"""The worst reweighting of a sample: the value of sup_q sum_i q_i l_i over a set of weights q around p, and the q that attains it.

Every function takes finite losses l of shape (n,), larger is worse, and `base`, the reference weights p of shape (n,) (equal by default;
they are normalised, so counts may be passed). It returns the value and weights of shape (n,) with sum 1, both exact. Equal losses share
their weight in proportion to p, so the result does not depend on the order. The weights are the gradient of the value with respect to the
losses, where it has one (Danskin).

Cost: O(n log n) each, float64; the Kullback-Leibler ball also takes about a hundred passes over the distinct losses.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from shiftproof._arrays import Floats
from shiftproof._errors import must

Cumulative = Callable[[Floats], Floats]
_HALVINGS = 200


class Reweighted(NamedTuple):
    """The worst value (less the penalty, where the distance is penalised), and the weights that attain it, shape (n,), sum 1."""

    value: float
    weights: Floats


class _Levels(NamedTuple):
    """The distinct losses (levels), ascending, with their share of the reference, and the level of each example."""

    values: Floats
    shares: Floats
    place: npt.NDArray[np.intp]
    base: Floats
    mean: float
    """The mean under the reference, bit for bit that of `Tally`, so that a ball of radius 0 is exactly the plain mean."""

    def plain(self) -> Reweighted:
        """The mean, with the reference weights."""
        return Reweighted(self.mean, self.base)

    def back(self, weights: Floats, value: float | None = None) -> Reweighted:
        """Weights of the levels as weights of the examples; by default the value is their weighted mean."""
        share = np.where(self.shares > 0, self.shares, 1.0)
        spread = (weights / share)[self.place] * self.base
        return Reweighted(float(weights @ self.values) if value is None else value, spread)


def cvar(losses: npt.ArrayLike, *, alpha: float, base: npt.ArrayLike | None = None) -> Reweighted:
    """Mean of the worst share `alpha` in (0, 1]: q_i <= p_i / alpha (Rockafellar & Uryasev 2000 [rockafellar2000optimization]).

    >>> r = cvar([0.1, 0.2, 0.9], alpha=0.5)
    >>> round(r.value, 4), r.weights.round(3).tolist()
    (0.6667, [0.0, 0.333, 0.667])
    """
    if not 0 < alpha <= 1:
        raise must("alpha", "cvar", "be in (0, 1]", alpha, "0.1 is the worst tenth.")
    if alpha == 1:
        return _levels(losses, base, "cvar").plain()
    return spectral(losses, cumulative=lambda u: np.maximum(u - (1 - alpha), 0.0) / alpha, base=base)


def spectral(losses: npt.ArrayLike, *, cumulative: Cumulative, base: npt.ArrayLike | None = None) -> Reweighted:
    """Weights by rank: the example between ranks a and b (in [0, 1], the largest loss last) gets weight C(b) - C(a).

    Args:
        losses: shape (n,).
        cumulative: C on arrays, convex and increasing from C(0) = 0 to C(1) = 1; C(u) = u gives the mean, u**r the extremile of order r.
        base: reference weights, shape (n,).

    Reference: Acerbi 2002 [acerbi2002spectral], "Spectral measures of risk".
    """
    levels = _levels(losses, base, "spectral")
    if len(levels.values) == 1:
        return levels.plain()
    reached = np.concatenate([[0.0], np.cumsum(levels.shares)])
    reached[-1] = 1.0
    weights = np.diff(cumulative(np.minimum(reached, 1.0)))
    return levels.back(weights / weights.sum())


def chi_square(losses: npt.ArrayLike, *, radius: float, base: npt.ArrayLike | None = None) -> Reweighted:
    """Weights with (1/2) sum_i p_i (q_i / p_i - 1)^2 <= radius, radius >= 0.

    q_i is proportional to p_i max(0, l_i - eta), with eta found exactly. With A, m and v the mass, mean and variance of the losses above
    eta, the value is m + sqrt(v ((1 + 2 radius) A - 1)). At radius (1 / p_max - 1) / 2 and above it is the largest loss.

    Reference: Duchi & Namkoong 2021 [duchi2021learning], "Learning models with uniform performance via distributionally robust
    optimization". They and Levy et al. 2020 [levy2020large] define the divergence with the 1/2; Hashimoto et al. 2018
    [hashimoto2018fairness] without it, so their radius is twice this one.
    """
    _at_least_zero("radius", "chi_square", radius)
    levels = _levels(losses, base, "chi_square")
    if radius == 0 or len(levels.values) == 1:
        return levels.plain()
    if radius == math.inf:
        return levels.back(_last(levels))
    reach = 1 + 2 * radius
    low, high = (
        0,
        len(levels.values) - 1,
    )  # eta lies in [values[low - 1], values[low]) for the least `low` at which values[low] is at least eta
    while low < high:
        middle = (low + high) // 2
        above = levels.values[middle + 1 :] - levels.values[middle]
        share = levels.shares[middle + 1 :]
        if share @ above**2 >= reach * (share @ above) ** 2:  # values[middle] is at least eta
            high = middle
        else:
            low = middle + 1
    values, share = levels.values[low:], levels.shares[low:]
    mass = share.sum()
    mean = share @ values / mass
    gap = values - mean
    variance = share @ gap**2 / mass
    spare = reach * mass - 1
    tilt = gap * math.sqrt(spare / variance) if variance > 0 and spare > 0 else np.zeros_like(gap)
    weights = np.zeros_like(levels.values)
    weights[low:] = np.maximum(share / mass * (1 + tilt), 0.0)
    return levels.back(weights / weights.sum())


def chi_square_penalised(losses: npt.ArrayLike, *, penalty: float, base: npt.ArrayLike | None = None) -> Reweighted:
    """sup_q of sum_i q_i l_i - penalty (1/2) sum_i p_i (q_i / p_i - 1)^2, penalty > 0: q_i = p_i max(0, l_i - eta) / penalty."""
    _above_zero("penalty", "chi_square_penalised", penalty)
    levels = _levels(losses, base, "chi_square_penalised")
    mass = np.cumsum(levels.shares[::-1])[::-1]
    centred = levels.values - levels.values[-1]
    total = np.cumsum((levels.shares * centred)[::-1])[::-1]
    eta = (total - penalty) / mass  # if exactly the levels from k on carry weight
    before = np.concatenate([[-math.inf], centred[:-1]])
    k = int(np.flatnonzero((eta >= before) & (eta <= centred))[0]) if len(eta) else 0
    weights = levels.shares * np.maximum(centred - eta[k], 0.0)
    weights = weights / weights.sum()
    distance = 0.5 * float(np.sum(levels.shares * (weights / levels.shares - 1) ** 2))
    return levels.back(weights, float(weights @ levels.values) - penalty * distance)


def kl(losses: npt.ArrayLike, *, radius: float, base: npt.ArrayLike | None = None) -> Reweighted:
    """Weights with sum_i q_i ln(q_i / p_i) <= radius (nats), radius >= 0: q_i proportional to p_i exp(t l_i), t where the ball ends.

    At radius -ln p_max and above, with p_max the reference's mass at the largest loss, the value is the largest loss.

    Reference: Hu & Hong 2013 [hu2013kullback], "Kullback-Leibler divergence constrained distributionally robust optimization".
    """
    _at_least_zero("radius", "kl", radius)
    levels = _levels(losses, base, "kl")
    spread = levels.values[-1] - levels.values[0]
    if radius == 0 or spread == 0:
        return levels.plain()
    if radius >= -math.log(levels.shares[-1]):
        return levels.back(_last(levels))
    unit = (levels.values - levels.values[-1]) / spread

    def tilted(t: float) -> tuple[Floats, float]:
        powers = levels.shares * np.exp(t * unit)
        total = powers.sum()
        weights = powers / total
        return weights, t * float(weights @ unit) - math.log(total)

    return levels.back(tilted(largest(lambda t: tilted(t)[1] < radius, above=1.0))[0])


def kl_penalised(losses: npt.ArrayLike, *, penalty: float, base: npt.ArrayLike | None = None) -> Reweighted:
    """sup_q of sum_i q_i l_i - penalty sum_i q_i ln(q_i / p_i) = penalty ln sum_i p_i exp(l_i / penalty), penalty > 0 (the soft maximum).

    Reference: Li et al. 2021 [li2021tilted], "Tilted empirical risk minimization" (t = 1 / penalty).
    """
    _above_zero("penalty", "kl_penalised", penalty)
    levels = _levels(losses, base, "kl_penalised")
    powers = levels.shares * np.exp((levels.values - levels.values[-1]) / penalty)
    total = float(powers.sum())
    return levels.back(powers / total, float(levels.values[-1]) + penalty * math.log(total))


def total_variation(losses: npt.ArrayLike, *, radius: float, base: npt.ArrayLike | None = None) -> Reweighted:
    """Weights with (1/2) sum_i |q_i - p_i| <= radius in [0, 1]: the share `radius` of the smallest losses moves to the largest loss.

    = radius max(l) + (1 - radius) CVaR at alpha = 1 - radius. Reference: Jiang & Guan 2018 [jiang2018risk], "Risk-averse two-stage
    stochastic program with distributional ambiguity", Theorem 1.
    """
    if not 0 <= radius <= 1:
        raise must("radius", "total_variation", "be in [0, 1]", radius, "It is the share of the sample that may be moved.")
    levels = _levels(losses, base, "total_variation")
    if radius == 0:
        return levels.plain()
    kept = np.diff(np.maximum(np.concatenate([[0.0], np.cumsum(levels.shares)]) - radius, 0.0))
    kept[-1] += 1 - kept.sum()
    return levels.back(kept)


def total_variation_penalised(losses: npt.ArrayLike, *, penalty: float, base: npt.ArrayLike | None = None) -> Reweighted:
    """sup_q of sum_i q_i l_i - penalty (1/2) sum_i |q_i - p_i| = sum_i p_i max(l_i, max(l) - penalty), penalty > 0."""
    _above_zero("penalty", "total_variation_penalised", penalty)
    levels = _levels(losses, base, "total_variation_penalised")
    moved = levels.values < levels.values[-1] - penalty
    weights = np.where(moved, 0.0, levels.shares)
    weights[-1] += levels.shares[moved].sum()
    value = float(levels.shares @ np.maximum(levels.values, levels.values[-1] - penalty))
    return levels.back(weights, value)


def group_mixture(losses: npt.ArrayLike, *, members: npt.ArrayLike, floors: npt.ArrayLike | float = 0.0) -> Reweighted:
    """The worst mixture of groups: sum_g m_g mean_g with m_g >= floor_g and sum 1; groups may overlap.

    Args:
        losses: shape (n,).
        members: shape (groups, n), how much each example belongs to each group, >= 0; booleans are allowed.
        floors: the least share of each group, shape (groups,) or one number, sum at most 1; 0 gives the worst group.

    A group without examples is left out, and its floor goes to the worst group. Groups with equal means share the free mass equally.

    Reference: Sagawa et al. 2020 [sagawa2020distributionally], "Distributionally robust neural networks for group shifts"; floors: Oren
    et al. 2019 [oren2019distributionally].
    """
    given, belongs = _losses(losses, "group_mixture"), np.asarray(members, dtype=np.float64)
    if belongs.ndim != 2 or belongs.shape[1] != len(given):
        raise must("members", "group_mixture", f"have shape (groups, {len(given)})", belongs.shape)
    if not bool(np.isfinite(belongs).all()) or bool((belongs < 0).any()):
        raise must("members", "group_mixture", "be numbers >= 0", float(np.nanmin(belongs)))
    least = np.broadcast_to(np.asarray(floors, dtype=np.float64), belongs.shape[:1])
    if bool((least < 0).any()) or least.sum() > 1 + 1e-12:
        raise must("floors", "group_mixture", "be >= 0 with a sum of at most 1", least.tolist())
    mass = belongs.sum(1)
    full = mass > 0
    if not full.any():
        raise must("members", "group_mixture", "have a group with examples", "none")
    rows = np.where(full[:, None], belongs / np.where(full, mass, 1.0)[:, None], 0.0)
    means = np.where(full, rows @ given, -math.inf)
    worst = means >= means.max()
    mixture = np.where(full, least, 0.0)
    mixture = mixture + worst / worst.sum() * max(1 - mixture.sum(), 0.0)
    return Reweighted(float(mixture[full] @ means[full]), mixture @ rows)


def worst_group(losses: npt.ArrayLike, *, groups: npt.ArrayLike) -> Reweighted:
    """The largest group mean; `groups` names each example's group, shape (n,)."""
    names, place = np.unique(np.asarray(groups), return_inverse=True)
    if len(place) != len(np.asarray(losses)):
        raise must("groups", "worst_group", f"have one name per loss ({len(np.asarray(losses))})", len(place))
    return group_mixture(losses, members=place == np.arange(len(names))[:, None])


def largest(holds: Callable[[float], bool], *, above: float) -> float:
    """The largest t >= 0 at which `holds` is true, for a condition that is false from some t on; doubles `above`, then bisects."""
    low, high = 0.0, above
    while holds(high) and high < 1e300:
        low, high = high, 2 * high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def _last(levels: _Levels) -> Floats:
    weights = np.zeros_like(levels.values)
    weights[-1] = 1.0
    return weights


def _losses(losses: npt.ArrayLike, owner: str) -> Floats:
    given = np.asarray(losses, dtype=np.float64)
    if given.ndim != 1 or not len(given):
        raise must("losses", owner, "have shape (n,) with n >= 1", given.shape)
    if not bool(np.isfinite(given).all()):
        raise must("losses", owner, "be finite numbers", float(given[~np.isfinite(given)][0]), "Leave out what was not measured.")
    return given


def _levels(losses: npt.ArrayLike, base: npt.ArrayLike | None, owner: str) -> _Levels:
    given = _losses(losses, owner)
    weights = np.ones_like(given) if base is None else np.asarray(base, dtype=np.float64)
    if weights.shape != given.shape or not bool(np.isfinite(weights).all()) or bool((weights < 0).any()) or weights.sum() <= 0:
        raise must("base", owner, f"be numbers >= 0 of shape {given.shape} with a sum above 0", weights.tolist()[:8])
    values, place = np.unique(np.where(weights > 0, given, given[weights > 0].max()) + 0.0, return_inverse=True)
    mass, total = np.bincount(place, weights, len(values)).astype(np.float64), math.fsum(weights)
    return _Levels(values, mass / weights.sum(), place, weights / weights.sum(), math.fsum(values * mass) / total)


def _at_least_zero(name: str, owner: str, value: float) -> None:
    if not value >= 0:
        raise must(name, owner, "be in [0, inf]", value, "0 is the plain mean, inf the largest loss.")


def _above_zero(name: str, owner: str, value: float) -> None:
    if not 0 < value < math.inf:
        raise must(name, owner, "be in (0, inf)", value, "A large one is near the plain mean, a small one near the largest loss.")
