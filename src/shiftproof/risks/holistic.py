"""Robustness to evasion, poisoning and sampling error together."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from shiftproof._arrays import Floats
from shiftproof._errors import must
from shiftproof.risks import worst_weights
from shiftproof.risks.reweighting import Reweighting
from shiftproof.risks.worst_weights import Reweighted

_HALVINGS = 200


@dataclass(frozen=True)
class Holistic(Reweighting):
    """sup of E_P'[v] over P' with KL(Q, P') <= radius for some Q that differs from the sample in a share `alpha` of its mass.

    = inf over eta >= 1 of eta - exp(-radius) exp(E_Q[ln(eta - v)]), with Q the sample whose best share alpha is set to 1 (poisoning). The
    radius covers sampling error. For evasion, pass values at the worst moves that a search found.

    Args:
        alpha: the share of the sample that may have been tampered with, in [0, 1].
        radius: of the ball around Q, in nats, in [0, inf]; at inf the value is 1.

    Guarantees: the value is exact up to rounding. The interval as `Reweighting` says; it is added to the effect of
    the radius, which the paper uses instead of an interval. Mass may move to the value 1, so the weights need not sum to 1.
    Cost: O(n log n), and about two hundred passes over the distinct values.

    Example:
        >>> import numpy as np
        >>> round(Holistic(0.5, 0.0).measure(np.array([0.0, 0.2])).value, 4)  # the 0 is replaced by 1
        0.6

    Reference: Bennouna, Lucas & Van Parys 2023, "Certified robust neural networks: generalization and corruption resistance"; Bennouna &
    Van Parys 2022, "Holistic robust data-driven decisions".
    """

    name: ClassVar[str] = "holistic"
    references: ClassVar[tuple[str, ...]] = ("bennouna2023certified", "bennouna2022holistic")

    alpha: float
    radius: float

    def check(self) -> None:
        self.require("alpha", within="[0, 1]", hint="It is the share of the sample that may have been tampered with.")
        self.require("radius", within="[0, inf]", hint="At 0, with alpha = 0, it is the plain mean.")

    def reweigh(self, values: npt.ArrayLike, base: npt.ArrayLike | None = None) -> Reweighted:
        """The value of numbers at most 1, and the weight of each: the gradient of the value with respect to the numbers, shape (n,)."""
        given = np.asarray(values, dtype=np.float64)
        if given.ndim != 1 or not len(given) or bool((given > 1).any()):
            raise must("values", self.name, "be numbers at most 1, shape (n,): tampered examples take the value 1", given.shape)
        share = np.full(len(given), 1 / len(given)) if base is None else np.asarray(base, dtype=np.float64) / np.sum(base)
        if self.alpha == 0 and self.radius == 0:
            return worst_weights.cvar(given, alpha=1.0, base=base)
        kept = 1 - self.alpha  # at any radius it is worst to replace the best values
        rest = kept * worst_weights.cvar(given, alpha=kept, base=share).weights if kept > 0 else np.zeros_like(given)
        weights = _around(np.append(given, 1.0), np.append(rest, self.alpha), self.radius)
        return Reweighted(float(weights[:-1] @ given + weights[-1]), weights[:-1])


def _around(values: Floats, q: Floats, radius: float) -> Floats:
    """The weights p with sum q ln(q / p) <= radius and the largest mean: c q / (eta - v), and the rest on the last value, the largest."""
    gap = values.max() - values  # from the largest value
    on = q > 0
    if radius == 0 or not bool((gap[on] > 0).any()):
        return q
    if radius == math.inf:
        return np.append(np.zeros(len(q) - 1), 1.0)

    def excess(log: float) -> float:
        """Ln of the mean of 1 / (eta - v) over that of its geometric mean, less the radius."""
        above = np.log(gap[on] + math.exp(log))
        return float(np.log(q[on] @ np.exp(-above)) + q[on] @ above) - radius

    low, high = -700.0, 700.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    above = np.log(gap[on] + math.exp(high))
    weights = np.zeros_like(q)
    weights[on] = np.exp(float(q[on] @ above) - radius - above) * q[on]
    weights[-1] += max(1 - float(weights.sum()), 0.0)
    return weights
