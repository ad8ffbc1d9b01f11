"""Importance weighting: each example counts as often as the mix that the model is meant for would show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shiftproof._arrays import Floats
from shiftproof._errors import must, unknown


@dataclass(frozen=True, eq=False)
class ImportanceWeights:
    """Weights of n examples, mean 1, and how many equally weighted examples they are worth: (sum w)^2 / sum w^2 (Kish)."""

    weights: Floats
    effective_n: float


def importance_weights(groups: npt.ArrayLike, *, target: Mapping[str, float] | None = None, most: float = np.inf) -> ImportanceWeights:
    """Weights target(g) / share(g) of each example's group g.

    Args:
        groups: each example's group, shape (n,).
        target: the share of each group in the mix that is meant; the same for all by default. Shares are normalised.
        most: weights above this are cut before they are normalised, which lowers variance and biases towards the sample.

    Guarantees: without a cut, the weighted mean of anything is an unbiased estimate of its mean in that mix, where the groups' shares are
    known and what is in a group does not change. A network that fits every example ignores weights in the end (Byrd & Lipton 2019
    [byrd2019what]): regularise.

    >>> importance_weights(["a", "a", "a", "b"]).weights.round(3).tolist()
    [0.667, 0.667, 0.667, 2.0]

    Reference: Shimodaira 2000 [shimodaira2000improving], "Improving predictive inference under covariate shift by weighting the
    log-likelihood function".
    """
    names, place, counts = np.unique(np.asarray(groups).astype(str), return_inverse=True, return_counts=True)
    if place.ndim != 1 or not len(place):
        raise must("groups", "importance_weights", "have one name per example, shape (n,)", np.shape(groups))
    shares = {str(name): 1.0 for name in names} if target is None else {str(name): float(share) for name, share in target.items()}
    for name in names:
        if str(name) not in shares:
            raise unknown("group of the target mix", str(name), shares, "Give every group in the data a share, 0 if it should not count.")
    if min(shares.values()) < 0 or not sum(shares[str(name)] for name in names) > 0:
        raise must("target", "importance_weights", "be shares >= 0 with a sum above 0", shares)
    if not most > 0:
        raise must("most", "importance_weights", "be above 0", most)
    wanted = np.array([shares[str(name)] for name in names])
    ratio = wanted / wanted.sum() / (counts / counts.sum())
    weights = np.minimum(ratio, most)[place]
    weights = weights / weights.mean()
    return ImportanceWeights(weights, float(weights.sum() ** 2 / (weights**2).sum()))
