"""Smoothed worst-case weights of risks over groups; `_smoothed_risks` has those of the other risks."""

from __future__ import annotations

import math

import numpy as np
from scipy import sparse

from shiftproof._arrays import Floats
from shiftproof.sklearn._smoothed_risks import Curvature, Ints, Weighing, clipped, largest, mean, temperature_for


def worst_group(losses: Floats, base: Floats, groups: Ints, mu: float = 0.0) -> Weighing:
    """The greatest group mean; `groups` (n,) are whole numbers from 0, and groups without examples are left out.

    >>> worst_group(np.array([0.0, 1.0, 3.0]), np.full(3, 1 / 3), np.array([0, 1, 1])).weights.tolist()
    [0.0, 0.5, 0.5]
    """
    shares = np.bincount(groups, base)
    full = shares > 0
    means = np.bincount(groups, base * losses)[full] / shares[full]
    over = shares[full] / shares[full].sum()
    of_groups = clipped(means, over, math.inf, mu) if mu > 0 else largest(means, over)
    per_group = np.zeros(len(shares))
    per_group[full] = of_groups.weights / shares[full]
    curvature = None
    if of_groups.curvature is not None:
        column = np.cumsum(full) - 1
        mixing = np.column_stack([np.diag(np.sqrt(of_groups.curvature.diagonal)), of_groups.curvature.factors])
        inside = sparse.csr_array((base / shares[groups], (np.arange(len(losses)), column[groups])), shape=(len(losses), int(full.sum())))
        signs = np.concatenate([np.full(len(over), -1.0), of_groups.curvature.signs])
        curvature = Curvature(np.zeros(len(losses)), np.asarray(inside @ mixing), signs)
    return Weighing(of_groups.value, base * per_group[groups], curvature)


def sinkhorn(losses: Floats, base: Floats, groups: Ints, budget: float, mu: float = 0.0) -> Weighing:
    """Weights p exp(l / t) within each group, whose total is fixed, with the t at which KL(q, p) is the budget; budget in [0, inf].

    Groups are the examples, and their members the draws around them: the Sinkhorn ball of radius `budget` times epsilon.

    >>> sinkhorn(np.array([0.0, 1.0, 5.0]), np.array([0.25, 0.25, 0.5]), np.array([0, 0, 1]), np.inf).weights.tolist()
    [0.0, 0.5, 0.5]
    """
    shares = np.bincount(groups, base)
    top = np.full(len(shares), -np.inf)
    np.maximum.at(top, groups, losses)
    below = losses - top[groups]
    if budget == 0 or not below.any():
        return mean(losses, base)

    def tilted(temperature: float) -> tuple[Floats, float]:
        raised = base * np.exp(below / temperature)
        totals = np.bincount(groups, raised) / np.where(shares > 0, shares, 1.0)
        weights = raised / totals[groups]
        return weights, float(weights @ (below / temperature)) - float(shares @ np.log(np.where(shares > 0, totals, 1.0)))

    most = -float(shares @ np.log(np.where(shares > 0, np.bincount(groups, np.where(below == 0, base, 0.0)) / shares, 1.0)))
    if mu == 0 and budget >= most:
        held = np.where(below == 0, base, 0.0)
        return Weighing(float(shares @ np.where(shares > 0, top, 0.0)), held / np.bincount(groups, held)[groups] * shares[groups])
    temperature = mu
    if mu == 0 or tilted(mu)[1] > budget:
        temperature = temperature_for(lambda t: tilted(t)[1], budget, -float(below.min()))
    weights, distance = tilted(temperature)
    deviation = weights * (losses - (np.bincount(groups, weights * losses) / np.where(shares > 0, shares, 1.0))[groups])
    variance = float(deviation @ losses)
    inside = sparse.csr_array((weights, (np.arange(len(losses)), groups)), shape=(len(losses), len(shares)))
    factors, signs = inside, 1 / (temperature * np.where(shares > 0, shares, 1.0))
    if temperature > mu and variance > 0:
        factors = sparse.csr_array(sparse.hstack([inside, sparse.csr_array(deviation[:, None])]))
        signs = np.append(signs, 1 / (temperature * variance))
    return Weighing(
        float(weights @ losses) - mu * (budget if temperature > mu else distance), weights, Curvature(weights / temperature, factors, signs)
    )


def mmd(losses: Floats, base: Floats, groups: Ints, gram: Floats, radius: float, mu: float = 0.0) -> Weighing:
    """Group weights q with (q - p)' K (q - p) <= radius^2, p the shares of the groups, K `gram`, (groups, groups); radius in [0, inf].

    >>> round(mmd(np.array([1.0, 0.0, 0.0, 0.0]), np.full(4, 0.25), np.array([0, 0, 1, 1]), np.eye(2), 0.2).value, 4)
    0.3207
    """
    shares: Floats = np.bincount(groups, base).astype(np.float64)
    means = np.bincount(groups, base * losses) / shares
    if radius == 0 or not np.ptp(means):
        return mean(losses, base)
    worst = largest(means, shares).weights
    if mu == 0 and _distance(worst - shares, gram) <= radius:
        return Weighing(float(means.max()), base * (worst / shares)[groups])
    q, multiplier = shares, 0.0
    if mu > 0:
        q = _penalised(means, shares, np.diag(mu / shares))
    if mu == 0 or _distance(q - shares, gram) > radius:
        multiplier = temperature_for(
            lambda t: _distance(_penalised(means, shares, np.diag(mu / shares) + t * gram) - shares, gram), radius, 1 / radius
        )
        q = _penalised(means, shares, np.diag(mu / shares) + multiplier * gram)
    value = float(q @ means) - mu / 2 * float(((q - shares) ** 2 / shares).sum())
    weights = base * (q / shares)[groups]
    if mu == 0:
        return Weighing(value, weights)
    free = np.flatnonzero(q > 0)
    held = [np.ones(len(free)), (gram @ (q - shares))[free]] if multiplier > 0 else [np.ones(len(free))]
    inverse = np.linalg.inv((np.diag(mu / shares) + multiplier * gram)[np.ix_(free, free)])
    edge = inverse @ np.column_stack(held)
    sizes, axes = np.linalg.eigh(inverse - edge @ np.linalg.pinv(np.column_stack(held).T @ edge) @ edge.T)
    per_group = np.zeros((len(shares), len(free)))
    per_group[free] = axes * np.sqrt(np.maximum(sizes, 0.0))
    inside = sparse.csr_array((base / shares[groups], (np.arange(len(losses)), groups)), shape=(len(losses), len(shares)))
    return Weighing(value, weights, Curvature(np.zeros(len(losses)), np.asarray(inside @ per_group), np.full(len(free), -1.0)))


def _distance(move: Floats, gram: Floats) -> float:
    return math.sqrt(max(float(move @ gram @ move), 0.0))


def _penalised(means: Floats, shares: Floats, quadratic: Floats) -> Floats:
    """The q >= 0 of sum 1 that maximises q . means - (q - p)' A (q - p) / 2, A positive definite, by an active set method."""
    n = len(means)
    free = np.ones(n, dtype=bool)
    q = shares.copy()
    for _ in range(10 * n):
        inside, outside = np.flatnonzero(free), np.flatnonzero(~free)
        system = np.block([[quadratic[np.ix_(inside, inside)], np.ones((len(inside), 1))], [np.ones((1, len(inside))), np.zeros((1, 1))]])
        fixed = quadratic[np.ix_(inside, outside)] @ shares[outside]
        found = np.linalg.solve(system, np.append(means[inside] + fixed, shares[outside].sum()))
        q = np.zeros(n)
        q[inside] = shares[inside] + found[:-1]
        if q.min() < 0:
            free[int(np.argmin(q))] = False
            continue
        pull = means - quadratic @ (q - shares) - found[-1]
        if not len(outside) or pull[outside].max() <= 1e-12 * max(1.0, float(np.abs(means).max())):
            break
        free[outside[int(np.argmax(pull[outside]))]] = True
    return np.asarray(q / q.sum())
