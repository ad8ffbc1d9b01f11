"""The worst distribution within a Wasserstein (transport) distance of the sample."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from shiftproof._arrays import Floats
from shiftproof._errors import must
from shiftproof.outcomes import Interval
from shiftproof.risks import worst_weights
from shiftproof.risks.betting_intervals import betting_interval
from shiftproof.risks.reweighting import Reweighting
from shiftproof.risks.worst_weights import Reweighted

LossName = Literal["logistic", "hinge", "absolute", "squared"]
NormName = Literal["l1", "l2", "linf"]
_DUAL: dict[str, float] = {"l1": math.inf, "l2": 2.0, "linf": 1.0}


@dataclass(frozen=True)
class Wasserstein(Reweighting):
    """sup of the mean over distributions of v on [0, 1] within transport distance `radius` of the sample's.

    Order 1: min(1, mean + radius). Order 2: every value rises by the same t, at most to 1, with the mean square of the rises equal to
    radius^2. Where v is an L-Lipschitz function of the input, moving inputs by at most r on average (order 1) or in the root mean square
    (order 2) moves v by at most L r: with radius = L r this bounds the risk over that ball of inputs from above.

    Args:
        radius: in [0, inf], in units of v; 0 is the mean, inf the value 1.
        order: 1 or 2.

    Guarantees: the value is exact up to rounding. The interval is that of `Reweighting`. It moves values; weights stay equal.
    Cost: O(n log n); memory 16 bytes per distinct value.

    Example:
        >>> import numpy as np
        >>> round(Wasserstein(0.1).measure(np.array([0.2, 0.4])).value, 4)
        0.4

    Reference: Kuhn et al. 2019, "Wasserstein distributionally robust optimization: theory and applications in machine learning".
    """

    name: ClassVar[str] = "wasserstein"
    references: ClassVar[tuple[str, ...]] = ("kuhn2019wasserstein",)

    radius: float
    order: int = 1

    def check(self) -> None:
        self.require("radius", within="[0, inf]", hint="0 is the plain mean.")
        if self.order not in (1, 2):
            raise must("order", self.name, "be 1 or 2", self.order)

    def reweigh(self, values: npt.ArrayLike, base: npt.ArrayLike | None = None) -> Reweighted:
        """The value, at most 1, and the reference's weights, which do not change: this risk moves values instead."""
        given = np.asarray(values, dtype=np.float64)
        share = np.full(len(given), 1 / len(given)) if base is None else np.asarray(base, dtype=np.float64) / np.sum(base)
        room = np.maximum(1 - given, 0.0)
        mean = worst_weights.cvar(given, alpha=1.0, base=base).value
        rise = (
            min(self.radius, float(share @ room)) if self.order == 1 else float(share @ np.minimum(_level(room, share, self.radius), room))
        )
        return Reweighted(mean + rise, share)


def _level(room: Floats, share: Floats, radius: float) -> float:
    """The t with sum share min(t, room)^2 = radius^2; infinite where the room is not enough."""
    order = np.argsort(room)
    room, share = room[order], share[order]
    full = np.concatenate([[0.0], np.cumsum(share * room**2)])  # values with less room than t use all of it
    rest = np.concatenate([np.cumsum(share[::-1])[::-1], [0.0]])
    at_knots = full[:-1] + rest[:-1] * room**2
    k = int(np.searchsorted(at_knots, radius**2))
    return math.inf if k == len(room) or radius == math.inf else math.sqrt(max(radius**2 - full[k], 0.0) / rest[k])


@dataclass(frozen=True, eq=False)
class LinearWorst:
    """The worst case of a linear model over a ball of distributions, from the losses of its examples; it merges.

    Args:
        losses: on the sample, shape (n,).
        pull: sum over examples of the gradient of the loss with respect to the coefficients, shape (d,).
        size: the dual norm of the coefficients.
        slope: a subgradient of that norm, shape (d,).
        radius: of the ball, in units of the norm that inputs move in.
        order: 1, or 2 for the squared loss.
    """

    losses: Floats
    pull: Floats
    size: float
    slope: Floats
    radius: float
    order: int

    @property
    def value(self) -> float:
        """The risk."""
        return self.at(math.fsum(self.losses) / len(self.losses))

    def at(self, mean: float) -> float:
        """The risk of this model if its mean loss were `mean`; increasing in it."""
        return mean + self.radius * self.size if self.order == 1 else (math.sqrt(mean) + self.radius * self.size) ** 2

    @property
    def gradient(self) -> Floats:
        """The gradient of the value with respect to the coefficients, shape (d,); a subgradient where it has a kink."""
        pull = self.pull / len(self.losses)
        if self.order == 1:
            return np.asarray(pull + self.radius * self.slope)
        root = math.sqrt(math.fsum(self.losses) / len(self.losses))
        return np.asarray(2 * (root + self.radius * self.size) * ((pull / (2 * root) if root else pull) + self.radius * self.slope))

    @property
    def weights(self) -> Floats:
        """The weight of each example's move, shape (n,), sum 1: equal for order 1, in proportion to its loss for order 2."""
        total = math.fsum(self.losses)
        return self.losses / total if self.order == 2 and total else np.full(len(self.losses), 1 / len(self.losses))

    def merge(self, other: LinearWorst) -> LinearWorst:
        """The worst case on both samples together, for the same coefficients and ball."""
        if (self.size, self.radius, self.order) != (other.size, other.radius, other.order):
            raise must("other", "LinearWorst.merge", "be of the same model and ball", (other.size, other.radius, other.order))
        return LinearWorst(
            np.concatenate([self.losses, other.losses]), self.pull + other.pull, self.size, self.slope, self.radius, self.order
        )

    def interval(self, *, most: float, confidence: float = 0.95) -> Interval:
        """A confidence interval of the population's risk, for losses that are known to be at most `most`.

        Each end misses with probability at most (1 - confidence) / 2, for examples that the coefficients were not fitted to: it
        applies `at` to the betting interval of the mean loss. The bound must be known beforehand, from bounded inputs: where |x.b| <= s, a
        logistic or hinge loss is at most 1 + s, a squared loss at most (|y| + s)^2.
        """
        largest = float(self.losses.max())
        if not largest <= most < math.inf:
            raise must("most", "LinearWorst.interval", f"be finite and at least the largest loss seen ({largest:.6g})", most)
        if not most:
            return Interval(self.at(0.0), self.at(0.0))
        mean = betting_interval(self.losses / most, confidence=confidence).one()
        return Interval(self.at(mean.low * most), self.at(mean.high * most))


def wasserstein_linear(
    coefficients: npt.ArrayLike,
    x: npt.ArrayLike,
    *,
    y: npt.ArrayLike,
    radius: float,
    loss: LossName,
    norm: NormName = "l2",
) -> LinearWorst:
    """The worst mean loss of a linear model when inputs move within a transport ball, labels fixed, in closed form.

    Order 1 for the losses with slope at most 1 (logistic, hinge with y in {-1, 1} of the margin y x.b; absolute of y - x.b):
    mean loss + radius |b|_*. Order 2 for the squared loss (y - x.b)^2: (sqrt(mean squared loss) + radius |b|_*)^2. |.|_* is the dual of
    `norm`, in which inputs move.

    Args:
        coefficients: b, shape (d,). There is no intercept: subtract it from y, or centre the data.
        x: inputs, shape (n, d).
        y: labels -1 and 1 (logistic, hinge) or numbers (absolute, squared), shape (n,).
        radius: in [0, inf), in units of `norm`: mean distance (order 1) or root mean square distance (order 2).
        loss: also determines the order.
        norm: "l1", "l2" or "linf".

    Guarantees:
        Exact for unbounded inputs: a supremum, attained for order 2 and approached for order 1 (by a vanishing share of examples that moves
        far). For inputs in a box it is an upper bound. The result merges, and has an interval where losses are bounded.

    Cost: O(n d).

    >>> worst = wasserstein_linear([3.0, 4.0], [[1.0, 0.0]], y=[2.0], radius=0.1, loss="squared")
    >>> round(worst.value, 4)  # (1 + 0.1 * 5)^2
    2.25

    Reference: Kuhn et al. 2019, Theorems 10 to 14; Blanchet, Kang & Murthy 2019 [blanchet2019robust], "Robust Wasserstein profile
    inference", Theorem 1.
    """
    b, inputs, target = (np.asarray(a, dtype=np.float64) for a in (coefficients, x, y))
    if inputs.ndim != 2 or not len(inputs) or b.shape != inputs.shape[1:] or target.shape != inputs.shape[:1]:
        raise must("x", "wasserstein_linear", "have shape (n, d), with d coefficients and n labels", (inputs.shape, b.shape, target.shape))
    if not 0 <= radius < math.inf:
        raise must("radius", "wasserstein_linear", "be in [0, inf)", radius)
    if norm not in _DUAL:
        raise must("norm", "wasserstein_linear", f"be one of {', '.join(_DUAL)}", norm)
    if loss in ("logistic", "hinge") and not bool(np.isin(target, (-1.0, 1.0)).all()):
        raise must("y", "wasserstein_linear", "be -1 or 1 for a classification loss", sorted(set(target.tolist()))[:5])
    score = inputs @ b
    size = float(np.linalg.norm(b, _DUAL[norm]))
    slope = _norm_slope(b, norm)
    losses, slopes = ((score - target) ** 2, 2 * (score - target)) if loss == "squared" else _one_sided(loss, score, target)
    return LinearWorst(losses, inputs.T @ slopes, size, slope, radius, 2 if loss == "squared" else 1)


def _one_sided(loss: str, score: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Losses and their derivatives with respect to the score, shape (n,) each."""
    if loss == "logistic":
        return np.logaddexp(0.0, -y * score), -y * np.exp(-np.logaddexp(0.0, y * score))
    if loss == "hinge":
        return np.maximum(0.0, 1 - y * score), np.where(y * score < 1, -y, 0.0)
    if loss == "absolute":
        return np.abs(score - y), np.sign(score - y)
    raise must("loss", "wasserstein_linear", "be one of logistic, hinge, absolute, squared", loss)


def _norm_slope(b: Floats, norm: str) -> Floats:
    """A subgradient of the dual norm at b."""
    if not b.any():
        return np.zeros_like(b)
    if norm == "l2":
        return np.asarray(b / np.linalg.norm(b))
    if norm == "linf":
        return np.sign(b)
    slope = np.zeros_like(b)
    slope[np.abs(b).argmax()] = np.sign(b[np.abs(b).argmax()])
    return slope
