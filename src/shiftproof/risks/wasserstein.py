"""The worst sample when every example may move, at a price that grows with the distance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from shiftproof._errors import must
from shiftproof.risks._kernels import Floats, Reweighted
from shiftproof.risks._reweighting import Reweighting

Loss = Literal["logistic", "hinge", "absolute", "squared"]
Norm = Literal["l1", "l2", "linf"]
_DUAL: dict[str, float] = {"l1": math.inf, "l2": 2.0, "linf": 1.0}
_KUHN = """@incollection{kuhn2019wasserstein,
  title = {Wasserstein Distributionally Robust Optimization: Theory and Applications in Machine Learning},
  author = {Kuhn, Daniel and Mohajerin Esfahani, Peyman and Nguyen, Viet Anh and Shafieezadeh-Abadeh, Soroosh},
  booktitle = {Operations Research \\& Management Science in the Age of Analytics},
  year = {2019}
}"""


@dataclass(frozen=True)
class Wasserstein(Reweighting):
    """sup of the mean over distributions of v on [0, 1] within transport distance `radius` of the sample's.

    Order 1: min(1, mean + radius). Order 2: every value rises by the same t, no further than 1, with the mean square of the rises
    radius^2. Where v is an L-Lipschitz function of the input, moving inputs by at most r on average (order 1) or in the root mean square
    (order 2) moves v by at most L r: with radius = L r this bounds the risk over that ball of inputs from above.

    Args:
        radius: in [0, inf), in units of v.
        order: 1 or 2.

    Guarantees: the value is exact up to rounding. The interval as `Reweighting` says. It moves values and leaves the weights equal.
    Cost: O(n log n); memory 16 bytes a distinct value.

    Example:
        >>> import numpy as np
        >>> round(Wasserstein(0.1).measure(np.array([0.2, 0.4])).value, 4)
        0.4

    Reference: Kuhn et al. 2019, "Wasserstein distributionally robust optimization: theory and applications in machine learning".
    """

    name: ClassVar[str] = "wasserstein"
    references: ClassVar[tuple[str, ...]] = (_KUHN,)

    radius: float
    order: int = 1

    def check(self) -> None:
        if not 0 <= self.radius < math.inf:
            raise must("radius", self.name, "be in [0, inf)", self.radius, "0 is the plain mean.")
        if self.order not in (1, 2):
            raise must("order", self.name, "be 1 or 2", self.order)

    def reweigh(self, values: npt.ArrayLike, base: npt.ArrayLike | None = None) -> Reweighted:
        """The value, at most 1, and the reference's weights: here they say whose value counts how much, as ever, though none is moved."""
        given = np.asarray(values, dtype=np.float64)
        share = np.full(len(given), 1 / len(given)) if base is None else np.asarray(base, dtype=np.float64) / np.sum(base)
        room = np.maximum(1 - given, 0.0)
        mean = float(share @ given)
        rise = (
            min(self.radius, float(share @ room)) if self.order == 1 else float(share @ np.minimum(_level(room, share, self.radius), room))
        )
        return Reweighted(mean + rise, share)


def _level(room: Floats, share: Floats, radius: float) -> float:
    """The t with sum share min(t, room)^2 = radius^2; infinite where all room is not enough."""
    order = np.argsort(room)
    room, share = room[order], share[order]
    full = np.concatenate([[0.0], np.cumsum(share * room**2)])  # those with less room than t have used all of it
    rest = np.concatenate([np.cumsum(share[::-1])[::-1], [0.0]])
    at_knots = full[:-1] + rest[:-1] * room**2
    k = int(np.searchsorted(at_knots, radius**2))
    return math.inf if k == len(room) else math.sqrt(max(radius**2 - full[k], 0.0) / rest[k])


@dataclass(frozen=True, eq=False)
class LinearWorst:
    """The worst case of a linear model over a ball of distributions.

    Args:
        value: the risk.
        gradient: of the value by the coefficients, shape (d,); a subgradient where it has a kink.
        weights: how much each example's move counts, shape (n,), sum 1: equal ones for order 1.
    """

    value: float
    gradient: Floats
    weights: Floats


def wasserstein_linear(
    coefficients: npt.ArrayLike,
    x: npt.ArrayLike,
    *,
    y: npt.ArrayLike,
    radius: float,
    loss: Loss,
    norm: Norm = "l2",
) -> LinearWorst:
    """The worst mean loss of a linear model when inputs move within a transport ball, labels fixed, in closed form.

    Order 1 for the losses with slope at most 1 (logistic, hinge with y in {-1, 1} of the margin y x.b; absolute of y - x.b):
    mean loss + radius |b|_*. Order 2 for the squared loss (y - x.b)^2: (sqrt(mean squared loss) + radius |b|_*)^2. |.|_* is the dual of
    `norm`, in which inputs move.

    Args:
        coefficients: b, shape (d,). An intercept is a column of ones in x whose coefficient is left out of the norm: subtract it from y, or
            centre the data.
        x: inputs, shape (n, d).
        y: labels -1 and 1 (logistic, hinge) or numbers (absolute, squared), shape (n,).
        radius: in [0, inf), in units of `norm`: mean distance (order 1) or root mean square distance (order 2).
        loss: which also fixes the order.
        norm: "l1", "l2" or "linf".

    Guarantees:
        Exact where inputs may lie anywhere: a supremum, attained for order 2, and approached for order 1 (by a vanishing share of examples
        that moves far). Data kept in a box can only fare better.

    Cost: O(n d).

    >>> worst = wasserstein_linear([3.0, 4.0], [[1.0, 0.0]], y=[2.0], radius=0.1, loss="squared")
    >>> round(worst.value, 4)  # (1 + 0.1 * 5)^2
    2.25

    Reference: Kuhn et al. 2019, Theorems 10 to 14; Blanchet, Kang & Murthy 2019, "Robust Wasserstein profile inference", Theorem 1.
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
    equal = np.full(len(inputs), 1 / len(inputs))
    if loss == "squared":
        residual = score - target
        root = math.sqrt(float(residual @ residual) / len(inputs))
        pull = inputs.T @ residual / len(inputs) / root if root else np.zeros_like(b)
        weights = residual**2 / float(residual @ residual) if root else equal
        return LinearWorst((root + radius * size) ** 2, 2 * (root + radius * size) * (pull + radius * slope), weights)
    values, slopes = _one_sided(loss, score, target)
    return LinearWorst(float(values.mean()) + radius * size, inputs.T @ slopes / len(inputs) + radius * slope, equal)


def _one_sided(loss: str, score: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Losses and their slopes by the score, shape (n,) each."""
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
