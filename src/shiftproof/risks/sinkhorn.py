"""The worst distribution within a Sinkhorn distance: transport with entropic regularisation, so that no single point takes all mass."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from shiftproof._arrays import Floats
from shiftproof._errors import must
from shiftproof.outcomes import Interval
from shiftproof.risks.abstract import Measurement
from shiftproof.risks.betting_intervals import betting_low
from shiftproof.risks.grouped import GroupedRisk, Tallies
from shiftproof.risks.intervals import tail_of
from shiftproof.risks.tally import Tally
from shiftproof.risks.worst_weights import Reweighted, largest

_LOW = 0.05 * 1.25 ** np.arange(26)
"""Temperatures used for the lower end: from almost all weight on the largest draw to almost equal weights."""
_HIGH = 0.125 * 2.0 ** np.arange(6)
"""Temperatures used for the upper end, which is the best of them."""


class SinkhornWorst(NamedTuple):
    """The worst value, the weight of each draw of each example, shape (n, m), sum 1, and the dual variable (0 for an unbounded ball)."""

    value: float
    weights: Floats
    multiplier: float


def sinkhorn(losses: npt.ArrayLike, *, radius: float, epsilon: float) -> SinkhornWorst:
    """Sup of E[f(z)] over distributions of z within Sinkhorn distance of the sample, from the losses at draws around each example.

    = inf over l >= 0 of l radius + l epsilon mean_i ln mean_j exp(f_ij / (l epsilon)). Weights are proportional to exp(f_ij / (l epsilon))
    among the draws of one example; the total weight of each example is fixed.

    Args:
        losses: f at draws z_ij from the kernel around x_i, shape (n, m). For the cost |x - z|^2 / 2 that is a Gaussian of variance epsilon
            around x_i.
        radius: the paper's radius with a bar: the radius minus the distance of the kernel itself, in [0, inf]. 0 is the mean of all draws,
            inf the mean of the examples' worst draws.
        epsilon: the entropic regularisation, in (0, inf), in units of the cost.

    Guarantees:
        Exact for these draws. As an estimate of the population's risk it is biased downwards at finite m, as the logarithm of a mean over
        draws is. The risk `Sinkhorn` has an interval, and a state that merges.
    Cost: about a hundred passes over the n m losses.

    >>> round(sinkhorn([[0.0, 1.0]], radius=10.0, epsilon=1.0).value, 4)  # the ball contains the worst draw
    1.0

    Reference: Wang, Gao & Xie 2026, "Sinkhorn distributionally robust optimization", Theorem 1.
    """
    f = np.asarray(losses, dtype=np.float64)
    if f.ndim != 2 or not f.size or not bool(np.isfinite(f).all()):
        raise must("losses", "sinkhorn", "be finite numbers of shape (n, m)", f.shape)
    _check(radius, epsilon, "sinkhorn")
    n, m = f.shape
    found = _worst(f.ravel(), np.full(n * m, 1 / m), np.repeat(np.arange(n), m), radius / epsilon)
    return SinkhornWorst(found.value, found.weights.reshape(n, m), found.temperature / epsilon)


@dataclass(frozen=True)
class Sinkhorn(GroupedRisk):
    """sup of E[v(z)] over distributions of z within Sinkhorn distance of the population, from values at draws around each example.

    = inf over l >= 0 of l radius + l epsilon E_x ln E_{z ~ K(x)} exp(v(z) / (l epsilon)), K(x) the kernel exp(-cost(x, z) / epsilon),
    normalised: for the cost |x - z|^2 / 2 a Gaussian of variance epsilon around x. Give one value per draw, and as its group the name of
    the example that it was drawn around.

    Args:
        radius: the paper's radius with a bar, in [0, inf]: 0 is the mean over the kernel's draws, inf the mean of the worst draws.
        epsilon: the entropic regularisation, in (0, inf), in units of the cost.

    Guarantees:
        The value is exact for these draws, and biased downwards for the population, as a finite number of draws misses the worst. Each end
        of the interval misses the population's value with probability at most (1 - confidence) / 2, for any number of draws per example
        and any n examples, drawn independently. Low: the mean over examples of the plug-in, which falls with the temperature, bounded from
        below by betting intervals at 26 temperatures and at infinity. High: the least, over 6 temperatures, of an upper bound for the mean
        of e_j / a - 1 + ln a, with a from the other draws, which is at least ln E e on average. Wide for few draws or a small radius.
    Cost: O(N log N) for N draws, and about a hundred passes over the distinct ones; memory 16 bytes per distinct value of each example.

    Example:
        >>> import numpy as np
        >>> m = Sinkhorn(0.1, 1.0).measure(np.array([0.0, 1.0, 0.5, 0.5]), np.array(["a", "a", "b", "b"]))
        >>> round(m.value, 4), m.n
        (0.6526, 2)

    Reference: Wang, Gao & Xie 2026, "Sinkhorn distributionally robust optimization".
    """

    needs: ClassVar[str] = "the name of the example that each value was drawn around"
    name: ClassVar[str] = "sinkhorn"
    over: ClassVar[Literal["correct", "error_probability"]] = "error_probability"
    worse: ClassVar[Literal["lower", "higher"]] = "higher"
    references: ClassVar[tuple[str, ...]] = ("wang2026sinkhorn",)

    radius: float
    epsilon: float

    def check(self) -> None:
        _check(self.radius, self.epsilon, self.name)

    def weigh(self, losses: npt.ArrayLike, groups: npt.ArrayLike | None) -> Reweighted:
        given = np.asarray(losses, dtype=np.float64)
        if given.ndim != 1 or not given.size or not bool(np.isfinite(given).all()):
            raise must("losses", self.name, "be finite numbers of shape (n,), one per draw", given.shape)
        _, place = self.cells(given, groups)
        found = _worst(given, 1 / np.bincount(place)[place], place, self.radius / self.epsilon)
        return Reweighted(found.value, found.weights)

    def compute(self, state: Tallies, *, confidence: float = 0.95) -> Measurement:
        tail = tail_of(confidence)
        full = [tally for tally in state.values() if tally.n]
        if not full:
            return Measurement(math.nan, Interval(math.nan, math.nan), 0)
        draws = _Draws.of(full)
        budget = self.radius / self.epsilon
        value = min(max(_worst(draws.values, draws.shares, draws.place, budget).value, 0.0), 1.0)
        low = min(value, _low(draws, budget, tail))
        high = max(value, _high(draws, budget, tail))
        few = int((draws.sizes < 2).sum())
        notes = (f"{few} of {len(full)} examples have only one draw, which gives no information about worse ones",) if few else ()
        return Measurement(value, Interval(low, high), len(full), notes=notes)


class _Draws(NamedTuple):
    """The distinct values around each example, their shares of its draws, the index of their example, and the draws of each example."""

    values: Floats
    shares: Floats
    place: npt.NDArray[np.intp]
    sizes: Floats

    @classmethod
    def of(cls, full: Sequence[Tally]) -> _Draws:
        place = np.repeat(np.arange(len(full)), [len(tally.values) for tally in full])
        sizes = np.array([float(tally.n) for tally in full])
        counts = np.concatenate([tally.counts for tally in full])
        return cls(np.concatenate([tally.values for tally in full]), counts / sizes[place], place, sizes)

    def mean(self, of: Floats) -> Floats:
        """The mean over the draws of each example, shape (n,)."""
        return np.bincount(self.place, self.shares * of, len(self.sizes)).astype(np.float64)


def _low(draws: _Draws, budget: float, tail: float) -> float:
    """A lower bound of t budget + E L(t) over t, L(t) = t ln mean exp(v / t); L falls with t, so its bound at t holds for all smaller t."""
    mean = draws.mean(draws.values)
    if budget == 0:
        return float(_ends(mean, tail))
    soft = [1 + t * np.log(draws.mean(np.exp((draws.values - 1) / t))) for t in _LOW]
    paid = np.concatenate([[0.0], _LOW]) * min(budget, 1e9)
    return min(float(np.min(paid + _ends(np.stack([*soft, mean]), tail / (len(_LOW) + 1)))), 1.0)


def _high(draws: _Draws, budget: float, tail: float) -> float:
    """The least upper bound of t budget + E L(t) over some temperatures.

    With e = exp(v / t) of a draw and a the mean of e over the other draws, e / a - 1 + ln a is on average at least ln E e, for every a.
    """
    if budget == 0:
        return 1 - float(_ends(1 - draws.mean(draws.values), tail))
    most = _HIGH * np.expm1(1 / _HIGH)
    size = draws.sizes[draws.place]
    above: list[Floats] = []
    for t, top in zip(_HIGH, most, strict=True):
        powers = np.exp(draws.values / t)
        others = (draws.mean(powers)[draws.place] * size - powers) / np.maximum(size - 1, 1)
        rest = np.where(size > 1, others, top)  # any number is valid where there are no others
        above.append(t * draws.mean(powers / rest - 1 + np.log(rest)) / top)
    highs = _HIGH * budget + most * (1 - _ends(1 - np.stack(above), tail / len(_HIGH)))
    return min(float(highs.min()), 1.0)


def _ends(x: Floats, tail: float) -> Floats:
    """Lower bounds of the means of independent numbers in [0, 1] along the last axis, each wrong with probability at most `tail`."""
    return betting_low(np.clip(x, 0.0, 1.0), np.ones(x.shape[-1]), tail)


class _Worst(NamedTuple):
    """The worst value, the weights of the draws, sum 1, and the temperature l epsilon."""

    value: float
    weights: Floats
    temperature: float


def _worst(f: Floats, shares: Floats, place: npt.NDArray[np.intp], budget: float) -> _Worst:
    """The worst weights of draws with a mean divergence of at most `budget` nats from their `shares`, which sum to 1 per example."""
    n = int(place.max()) + 1
    top = np.full(n, -math.inf)
    np.maximum.at(top, place, f)
    unit = f - top[place]
    spread = float(-unit.min())
    if budget == 0 or spread == 0:
        return _Worst(math.fsum(shares * f) / n, shares / n, math.inf)
    worst = np.where(unit == 0, shares, 0.0)
    at_top = np.bincount(place, worst, n)
    if budget >= float(-np.log(at_top).mean()):
        return _Worst(math.fsum(top) / n, worst / at_top[place] / n, 0.0)

    def tilted(t: float) -> tuple[Floats, float]:
        powers = shares * np.exp(t * unit)
        total = np.bincount(place, powers, n)
        weights = powers / total[place]
        return weights, float((t * np.bincount(place, weights * unit, n) - np.log(total)).mean())

    inverse = largest(lambda t: tilted(t)[1] < budget, above=1 / spread)
    weights = tilted(inverse)[0] / n
    return _Worst(math.fsum(weights * f), weights, 1 / inverse if inverse else math.inf)


def _check(radius: float, epsilon: float, owner: str) -> None:
    if not radius >= 0:
        raise must("radius", owner, "be in [0, inf]", radius, "0 is the mean over the draws.")
    if not 0 < epsilon < math.inf:
        raise must("epsilon", owner, "be in (0, inf)", epsilon, "In units of the cost: the variance of the draws for |x - z|^2 / 2.")
