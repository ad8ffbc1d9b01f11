"""The worst smooth shift of the inputs: transport with an entropic price, so that no single point takes all the mass."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp

from shiftproof._errors import must
from shiftproof.risks._kernels import Floats

_HALVINGS = 200


class SinkhornWorst(NamedTuple):
    """The worst value, the weight of each draw of each example, shape (n, m), sum 1, and the dual variable (0 where the ball is all)."""

    value: float
    weights: Floats
    multiplier: float


def sinkhorn(losses: npt.ArrayLike, *, radius: float, epsilon: float) -> SinkhornWorst:
    """Sup of E[f(z)] over distributions of z within Sinkhorn distance of the sample, from the losses at draws around each example.

    = inf over l >= 0 of l radius + l epsilon mean_i ln mean_j exp(f_ij / (l epsilon)). Its weights are proportional to
    exp(f_ij / (l epsilon)) among the draws of each example, and the examples keep theirs.

    Args:
        losses: f at draws z_ij from the kernel around x_i, shape (n, m). For the cost |x - z|^2 / 2 that is a Gaussian of variance epsilon
            around x_i.
        radius: what the paper writes with a bar: the radius less the distance of the kernel itself, in [0, inf). 0 is the mean of all.
        epsilon: the entropic regularisation, in (0, inf), in units of the cost.

    Guarantees:
        Exact for the draws at hand. Of the population's risk it is an estimate, too low at finite m: the logarithm of a mean over draws is
        too small on average. It has no interval, and a state that cannot be merged; it is here to train with and to compare.
    Cost: about a hundred passes over the n m losses.

    >>> round(sinkhorn([[0.0, 1.0]], radius=10.0, epsilon=1.0).value, 4)  # the ball holds the worst draw
    1.0

    Reference: Wang, Gao & Xie 2025, "Sinkhorn distributionally robust optimization", Theorem 1.
    """
    f = np.asarray(losses, dtype=np.float64)
    if f.ndim != 2 or not f.size or not bool(np.isfinite(f).all()):
        raise must("losses", "sinkhorn", "be finite numbers of shape (n, m)", f.shape)
    if not 0 <= radius < math.inf:
        raise must("radius", "sinkhorn", "be in [0, inf)", radius)
    if not 0 < epsilon < math.inf:
        raise must("epsilon", "sinkhorn", "be in (0, inf)", epsilon)
    n, m = f.shape
    top = f.max(1, keepdims=True)
    largest = f == top
    unit = f - top
    spread = float(-unit.min())
    budget = radius / epsilon  # of the mean divergence of the draws' weights from equal ones

    def tilted(t: float) -> tuple[Floats, float]:
        log = t * unit - logsumexp(t * unit, axis=1, keepdims=True)
        weights = np.exp(log)
        return weights, float((weights * np.where(weights > 0, log + math.log(m), 0.0)).sum() / n)

    if budget == 0 or spread == 0:
        return SinkhornWorst(float(f.mean()), np.full((n, m), 1 / (n * m)), math.inf)
    if budget >= float(np.log(m / largest.sum(1)).mean()):
        weights = largest / largest.sum(1, keepdims=True) / n
        return SinkhornWorst(float(top.mean()), weights, 0.0)
    low, high = 0.0, 1 / spread
    while tilted(high)[1] < budget and high < 1e300:
        low, high = high, 2 * high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if tilted(middle)[1] < budget else (low, middle)
    weights = tilted(low)[0] / n
    return SinkhornWorst(float((weights * f).sum()), weights, 1 / (low * epsilon) if low else math.inf)
