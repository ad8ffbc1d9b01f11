"""The worst distribution within a maximum mean discrepancy (kernel distance) of the sample."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from shiftproof._arrays import Floats
from shiftproof._errors import UsageError, must
from shiftproof.outcomes import Interval
from shiftproof.risks._kernel_ball import MMDWorst, bisection, distance, euclidean
from shiftproof.risks.abstract import Measurement, Names
from shiftproof.risks.grouped import GroupedRisk, Tallies
from shiftproof.risks.intervals import tail_of
from shiftproof.risks.mean import mean_interval
from shiftproof.risks.tally import Tally
from shiftproof.risks.worst_weights import Reweighted


def gaussian_kernel(x: npt.ArrayLike, *, bandwidth: float | None = None) -> Floats:
    """exp(-|x_i - x_j|^2 / (2 bandwidth^2)), shape (n, n); by default the median distance between examples."""
    points = np.asarray(x, dtype=np.float64).reshape(len(np.asarray(x)), -1)
    square = np.maximum(((points[:, None] - points[None]) ** 2).sum(-1), 0.0)
    apart = square[square > 0]
    scale = (float(np.median(apart)) if apart.size else 1.0) if bandwidth is None else bandwidth**2
    if not scale > 0:
        raise must("bandwidth", "gaussian_kernel", "be above 0", bandwidth)
    return np.asarray(np.exp(-square / (2 * scale)))


def mmd(
    losses: npt.ArrayLike, *, kernel: npt.ArrayLike, radius: float, base: npt.ArrayLike | None = None, iterations: int = 500
) -> MMDWorst:
    """Sup of sum_i q_i l_i over weights q >= 0 of sum 1 with (q - p)' K (q - p) <= radius^2.

    While no weight is 0 it is mean + radius sqrt(c' K^-1 c), with c the losses minus the constant that makes the weights sum to 1. Staib &
    Jegelka bound the ball over all distributions; this is the ball over distributions on the sample's points.

    Args:
        losses: shape (n,).
        kernel: K, symmetric and positive semidefinite, shape (n, n), such as `gaussian_kernel(x)`.
        radius: in [0, inf]; 0 is the mean, inf the largest loss.
        base: reference weights p, >= 0, shape (n,); equal ones by default.
        iterations: of each inner problem, at least 1.

    Guarantees:
        The weights are inside the ball and attain the value; `at_most` is a dual bound, so the true value lies between the two after any
        number of iterations. There is no interval for the population, as the set itself depends on the sample. The risk `MMD`, for
        inputs whose values repeat, has one.
    Cost: at most 60 times `iterations` products with an (n, n) matrix; for n up to a few thousand.

    >>> found = mmd([0.0, 1.0], kernel=np.eye(2), radius=0.1)
    >>> round(found.value, 4)  # 0.5 + 0.1 / sqrt(2)
    0.5707

    Reference: Staib & Jegelka 2019, "Distributionally robust optimization and generalization in kernel methods".
    """
    given, gram = _read(losses, kernel, radius, "mmd")
    if iterations < 1:
        raise must("iterations", "mmd", "be at least 1", iterations)
    p = np.ones(len(given)) if base is None else np.asarray(base, dtype=np.float64)
    if p.shape != given.shape or not bool(np.isfinite(p).all()) or bool((p < 0).any()) or p.sum() <= 0:
        raise must("base", "mmd", f"be numbers >= 0 of shape {given.shape} with a sum above 0", p.tolist()[:8])
    plain = math.fsum(p * given) / math.fsum(p)
    p = p / p.sum()
    if radius == 0 or given.max() == given.min():
        return MMDWorst(plain, p, plain)
    worst = (given == given.max()) / (given == given.max()).sum()
    if distance(worst - p, gram) <= radius:
        return MMDWorst(float(given.max()), worst, float(given.max()))
    return bisection(given, gram, p, radius, iterations)


def mmd_bound(losses: npt.ArrayLike, *, kernel: npt.ArrayLike, radius: float) -> float:
    """Mean + radius |f|, with |f| the least norm in the kernel's space of a function through the losses: an upper bound of `mmd`.

    Args:
        losses: shape (n,).
        kernel: K, symmetric and positive semidefinite, shape (n, n).
        radius: in [0, inf).

    Guarantees:
        For a loss f of that space, E_Q[f] <= E_P[f] + radius |f| for every Q within the radius of the population P: Staib & Jegelka's
        bound. The norm used here is the least of all functions through the sample, which is at most that of f, so for the population the
        bound is underestimated. Infinite if no function of the space passes through the losses.
    Cost: O(n^3).

    >>> round(mmd_bound([0.0, 1.0], kernel=np.eye(2), radius=0.1), 4)
    0.6

    Reference: Staib & Jegelka 2019, "Distributionally robust optimization and generalization in kernel methods", section 4.
    """
    given, gram = _read(losses, kernel, radius, "mmd_bound")
    if radius == 0:
        return math.fsum(given) / len(given)
    sizes, axes = np.linalg.eigh(gram)
    along, flat = axes.T @ given, sizes <= 1e-12 * max(float(sizes[-1]), 1e-300)
    if float(np.abs(along[flat]).max(initial=0.0)) > 1e-6 * max(float(np.abs(given).max()), 1e-300):
        return math.inf
    return math.fsum(given) / len(given) + radius * math.sqrt(float((along[~flat] ** 2 / sizes[~flat]).sum()))


@dataclass(frozen=True)
class MMD(GroupedRisk):
    """sup of E_Q[m(z)] over distributions Q of z within kernel distance `radius` of the population's, m(z) = E[v | z] fixed.

    z is what may shift: an example's group name. The distance is sqrt((q - p)' K (q - p)) with q and p the shares of the values of z. With
    bandwidth 0, K is 1 for equal values and 0 otherwise, and it is the Euclidean distance of the shares. Otherwise names are numbers,
    several joined by a bar ("1.5|0.2"), and K = exp(-|z - z'|^2 / (2 bandwidth^2)).

    Args:
        radius: in [0, inf]; 0 is the mean, inf the worst value of z.
        bandwidth: of the kernel, in units of z, in [0, inf).

    Guarantees:
        The value is exact at bandwidth 0; otherwise it may be too small by 1e-9, or by what is left after 500 iterations. Each end of the
        interval misses with probability at most (1 - confidence) / 2, for values of z that are fixed beforehand. For the high end, half of
        that is for the means m(z) (Bonferroni over the values), and half for the distance between the shares of the sample and of the
        population, (1 + sqrt(ln(1 / t))) / sqrt(n) by McDiarmid's inequality, which widens the ball. The low end is the larger of the same
        in a narrower ball and of that of the mean (three bounds, a third each), or that of the mean only if the narrower ball is empty. At
        the high end, a declared value of z without examples counts as all wrong. A value that was not declared is not covered.
    Cost: O(n log n) once, and O(G log G) times two hundred for G values of z; with a bandwidth that of `mmd`. Memory 16 bytes per distinct
        value of each group.

    Example:
        >>> import numpy as np
        >>> wrong, town = np.array([1.0, 0.0, 0.0, 0.0]), np.array(["a", "a", "b", "b"])
        >>> round(MMD(0.2).measure(wrong, town).value, 4)  # 0.25 + 0.2 * 0.5 / sqrt(2)
        0.3207

    Reference: Staib & Jegelka 2019, "Distributionally robust optimization and generalization in kernel methods".
    """

    needs: ClassVar[str] = "each example's value of the columns that may shift"
    name: ClassVar[str] = "mmd"
    over: ClassVar[Literal["correct", "error_probability"]] = "error_probability"
    worse: ClassVar[Literal["lower", "higher"]] = "higher"
    references: ClassVar[tuple[str, ...]] = ("staib2019distributionally",)

    radius: float
    bandwidth: float = 0.0

    def check(self) -> None:
        self.require("radius", within="[0, inf]", hint="0 is the plain mean.")
        self.require("bandwidth", within="[0, inf)", hint="At 0 values are alike only where they are equal.")

    def weigh(self, losses: npt.ArrayLike, groups: npt.ArrayLike | None) -> Reweighted:
        given = np.asarray(losses, dtype=np.float64)
        names, place = self.cells(given, groups)
        counts = np.bincount(place).astype(np.float64)
        found = self._ball(np.bincount(place, given) / counts, counts, names, self.radius)
        return Reweighted(found.value, (found.weights / counts)[place])

    def compute(self, state: Tallies, *, confidence: float = 0.95) -> Measurement:
        tail = tail_of(confidence)
        full, notes = self.measured(state)
        if not full:
            return Measurement(math.nan, Interval(math.nan, math.nan), 0)
        n = sum(tally.n for tally in full.values())
        whole = Tally()
        for tally in full.values():
            whole = whole.merge(tally)
        if self.radius == 0:
            ends = mean_interval(whole, low_tail=tail, high_tail=tail, binary=whole.binary)
            return Measurement(whole.mean, ends, n, notes=notes)
        means = np.array([tally.mean for tally in full.values()])
        counts = np.array([tally.n for tally in full.values()], dtype=np.float64)
        value = min(max(self._ball(means, counts, np.array(list(full)), self.radius).value, 0.0), 1.0)
        interval = self._interval(state, full, whole, tail)
        return Measurement(value, Interval(min(value, interval.low), max(value, interval.high)), n, notes=notes)

    def _interval(self, state: Tallies, full: Tallies, whole: Tally, tail: float) -> Interval:
        """The interval, from those of the values' means and a ball widened or narrowed by the error of the shares."""

        def reach(at: float) -> float:
            return (1 + math.sqrt(math.log(1 / at))) / math.sqrt(whole.n)

        def ends(at: float) -> list[Interval]:
            each = at / len(full)
            return [
                mean_interval(tally, low_tail=each, high_tail=each, binary=whole.binary) if tally.n else Interval(0.0, 1.0)
                for tally in state.values()
            ]

        names, counts = np.array(list(state)), np.array([float(tally.n) for tally in state.values()])
        high = self._ball(np.array([end.high for end in ends(tail / 2)]), counts, names, self.radius + reach(tail / 2)).at_most
        within = self.radius - reach(tail / 3)
        low = mean_interval(whole, low_tail=tail / 3 if within > 0 else tail, high_tail=tail, binary=whole.binary).low
        if within > 0:
            seen = counts > 0
            lows = np.array([end.low for end in ends(tail / 3)])
            low = max(low, self._ball(lows[seen], counts[seen], names[seen], within).value)
        return Interval(min(max(low, 0.0), 1.0), min(max(high, 0.0), 1.0))

    def _ball(self, means: Floats, counts: Floats, names: Names, radius: float) -> MMDWorst:
        if self.bandwidth == 0:
            return euclidean(means, counts, radius)
        return mmd(means, kernel=gaussian_kernel(points_of(names), bandwidth=self.bandwidth), radius=radius, base=counts)


def points_of(names: Names) -> Floats:
    """Group names as points, shape (n, d): numbers, several joined by a bar.

    Raises:
        UsageError: a name is not made of numbers, or names have different counts of numbers.
    """
    try:
        rows = [[float(part) for part in str(name).split("|")] for name in names]
    except ValueError as error:
        raise UsageError(
            f"The risk mmd with a bandwidth needs groups that are numbers, several joined by a bar ('1.5|0.2'): {error}. "
            "For names without an order, set the bandwidth to 0."
        ) from error
    if len({len(row) for row in rows}) > 1:
        raise must("groups", "mmd", "have as many numbers each", sorted({len(row) for row in rows}))
    return np.array(rows)


def _read(losses: npt.ArrayLike, kernel: npt.ArrayLike, radius: float, owner: str) -> tuple[Floats, Floats]:
    given, gram = np.asarray(losses, dtype=np.float64), np.asarray(kernel, dtype=np.float64)
    if given.ndim != 1 or not len(given) or not bool(np.isfinite(given).all()):
        raise must("losses", owner, "be finite numbers of shape (n,)", given.shape)
    if gram.shape != (len(given), len(given)) or not np.allclose(gram, gram.T):
        raise must("kernel", owner, f"be symmetric of shape {(len(given), len(given))}", gram.shape)
    if not radius >= 0:
        raise must("radius", owner, "be in [0, inf]", radius)
    return given, gram
