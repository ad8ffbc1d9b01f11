"""Confidence intervals, as functions of numbers and arrays, each with its guarantees.

All are two-sided: each end misses with probability at most (1 - confidence) / 2. All cover the sampling error of independent examples from
one distribution, and nothing else. For n = 0 both ends are NaN.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv, log_ndtr, ndtr, ndtri

from shiftproof._arrays import Floats
from shiftproof._errors import must
from shiftproof.outcomes import Interval

_ARC = 256


class Ends(NamedTuple):
    """Lower and upper ends of many intervals, of one shape."""

    low: Floats
    high: Floats

    def one(self) -> Interval:
        """The interval, if there is exactly one."""
        return Interval(float(self.low.item()), float(self.high.item()))


def tail_of(confidence: float) -> float:
    """The probability with which each end may miss: (1 - confidence) / 2. Raises `UsageError` outside (0, 1)."""
    if not 0 < confidence < 1:
        raise must("confidence", "an interval", "be in (0, 1)", confidence, "0.95 is usual.")
    return (1 - confidence) / 2


def clopper_pearson(successes: npt.ArrayLike, n: npt.ArrayLike, *, confidence: float = 0.95) -> Ends:
    """Exact interval for a proportion, from `successes` of `n` trials (arrays that broadcast).

    The low end is the p at which P(Bin(n, p) >= k) = (1 - confidence) / 2, the high end that of P(Bin(n, p) <= k).

    Guarantees: each end misses with probability at most (1 - confidence) / 2, for every p and n. Not tight: as counts are discrete,
    coverage is above the stated confidence.

    >>> [round(end, 4) for end in clopper_pearson(8, 10).one()]
    [0.4439, 0.9748]

    Reference: Clopper & Pearson 1934 [clopper1934use], "The use of confidence or fiducial limits illustrated in the case of the binomial".
    """
    tail = tail_of(confidence)
    k, trials = _counts(successes, n)
    return Ends(binomial_low(k, trials, tail), 1 - binomial_low(trials - k, trials, tail))


def binomial_low(k: Floats, n: Floats, tail: npt.ArrayLike) -> Floats:
    """The exact lower bound for a proportion: above the truth with probability at most `tail`. Arrays broadcast.

    The upper bound is 1 minus the lower bound of the failures.
    """
    k, n, at = np.broadcast_arrays(np.asarray(k, np.float64), np.asarray(n, np.float64), np.asarray(tail, np.float64))
    some = k > 0
    low = betaincinv(np.where(some, k, 1.0), np.where(some, n - k + 1, 1.0), at)
    return np.where(n > 0, np.where(some, low, 0.0), np.nan)


def wilson(successes: npt.ArrayLike, n: npt.ArrayLike, *, confidence: float = 0.95) -> Ends:
    """Score interval for a proportion: the p within z standard errors, sqrt(p (1 - p) / n), of the observed share.

    Guarantees nothing at finite n: on average over p its coverage is near the stated confidence, and for p near 0 or 1 far below it (at
    n = 5 and 95 %, down to 0.83). For comparison with published tables only; reports use `clopper_pearson`.

    >>> [round(end, 4) for end in wilson(8, 10).one()]
    [0.4902, 0.9433]

    Reference: Wilson 1927 [wilson1927probable], "Probable inference, the law of succession, and statistical inference".
    """
    z = -float(ndtri(tail_of(confidence)))
    k, trials = _counts(successes, n)
    size = np.where(trials > 0, trials, np.nan)
    share = k / size
    middle = (share + z * z / (2 * size)) / (1 + z * z / size)
    half = z / (1 + z * z / size) * np.sqrt(share * (1 - share) / size + z * z / (4 * size * size))
    low = np.where(k == 0, np.minimum(0.0, size), middle - half)  # the ends are 0 and 1 there, up to rounding
    return Ends(low, np.where(k == trials, np.maximum(1.0, size * 0 + 1), middle + half))


def dkw_width(n: int, *, confidence: float = 0.95) -> float:
    """How far the distribution function may lie from the empirical one, at any point and on either side.

    sqrt(ln(1 / t) / (2 n)) with t = (1 - confidence) / 2.

    Guarantees: for every distribution and n, sup(F_n - F) exceeds it with probability at most t, and so does sup(F - F_n). NaN for n = 0.

    Reference: Massart 1990 [massart1990tight], "The tight constant in the Dvoretzky-Kiefer-Wolfowitz inequality".
    """
    log = math.log(1 / tail_of(confidence))
    return math.sqrt(log / (2 * n)) if n else math.nan


def simultaneous(successes: npt.ArrayLike, n: npt.ArrayLike, *, confidence: float = 0.95, disjoint: bool = True) -> Ends:
    """Exact simultaneous intervals for the proportions of several groups; groups lie along the last axis.

    Each of the G groups with n > 0 gets `clopper_pearson` at confidence^(1/G) if they are `disjoint` (no example in two groups, so they are
    independent: Sidak), else at 1 - (1 - confidence) / G (Bonferroni). Groups with n = 0 get NaN and do not count towards G.

    Guarantees: all intervals cover together with probability at least `confidence`, for every G and all sizes fixed beforehand.

    Reference: Sidak 1967 [sidak1967rectangular], "Rectangular confidence regions for the means of multivariate normal distributions".
    """
    tail_of(confidence)
    k, trials = _counts(successes, n)
    groups = np.maximum((trials > 0).sum(-1, keepdims=True), 1)
    each = -np.expm1(np.log(confidence) / groups) if disjoint else (1 - confidence) / groups
    return Ends(binomial_low(k, trials, each / 2), 1 - binomial_low(trials - k, trials, each / 2))


def holm(p_values: npt.ArrayLike) -> Floats:
    """Adjusted p-values of several tests, along the last axis: reject those of at most alpha, at level alpha for all tests together.

    The i-th smallest of m becomes the greatest of (m - j + 1) p_j over j <= i, cut at 1.

    Guarantees: some true hypothesis is rejected with probability at most alpha, whatever the dependence between tests. Never weaker than
    dividing alpha by m.

    >>> holm([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.06, 0.06]

    Reference: Holm 1979 [holm1979simple], "A simple sequentially rejective multiple test procedure".
    """
    p = bounded(p_values)
    order = np.argsort(p, axis=-1, kind="stable")
    left = p.shape[-1] - np.arange(p.shape[-1])
    stepped = np.minimum(np.maximum.accumulate(np.take_along_axis(p, order, -1) * left, axis=-1), 1.0)
    adjusted = np.empty_like(p)
    np.put_along_axis(adjusted, order, stepped, -1)
    return adjusted


def proportion_difference(
    first: tuple[npt.ArrayLike, npt.ArrayLike], second: tuple[npt.ArrayLike, npt.ArrayLike], *, confidence: float = 0.95
) -> Ends:
    """Interval for p2 - p1 from two independent samples, each (successes, n).

    The exact p-values of both samples are combined: the pairs (p1, p2) with (z1+)^2 + (z2+)^2 <= r^2 are kept, with z the normal quantile
    of a one-sided exact p-value and r the radius that two independent normals exceed with probability (1 - confidence) / 2. The end is the
    least p2 - p1 among them (`arc`). This is the square-and-add construction of Newcombe 1998 [newcombe1998interval] with guaranteed
    coverage.

    Guarantees: each end misses with probability at most (1 - confidence) / 2, for every p1, p2, n1 and n2. In large samples it is about
    1.2 times as wide as the normal approximation. Newcombe's own interval (Wilson ends, r = z) covers 0.79 for one example each at 95 %.

    >>> [round(end, 3) for end in proportion_difference((48, 80), (56, 70)).one()]
    [0.01, 0.378]

    Reference: Newcombe 1998, "Interval estimation for the difference between independent proportions", method 10, made exact.
    """
    near, far = arc(tail_of(confidence))
    (k1, n1), (k2, n2) = (tuple(part[..., None] for part in _counts(*sample)) for sample in (first, second))

    def least(k1: Floats, n1: Floats, k2: Floats, n2: Floats) -> Floats:
        p1_high = 1 - binomial_low(n1 - k1, n1, far)
        return np.asarray((binomial_low(k2, n2, near) - p1_high).min(-1))

    return Ends(least(k1, n1, k2, n2), -least(k2, n2, k1, n1))


def arc(tail: float) -> tuple[Floats, Floats]:
    """Pairs of one-sided tails whose rectangles together cover the region (z1+)^2 + (z2+)^2 <= r^2, shape (256,) each.

    r solves P(chi2_1 > r^2) / 2 + P(chi2_2 > r^2) / 4 = tail: exactly one of two independent standard normals is positive with
    probability 1/2, both with 1/4. Valid for any two p-values of which the second is valid given the first: discrete p-values only make z
    smaller, and the region is closed downwards. The rectangles' outer corners are used, so that they cover the whole region.
    """
    low, high = 0.0, 40.0
    for _ in range(80):
        r = (low + high) / 2
        exceeds = float(ndtr(-r)) + math.exp(-r * r / 2) / 4 > tail
        low, high = (r, high) if exceeds else (low, r)
    angle = np.linspace(0, np.pi / 2, _ARC + 1)
    return np.exp(log_ndtr(-high * np.sin(angle[1:]))), np.exp(log_ndtr(-high * np.cos(angle[:-1])))


def bounded(values: npt.ArrayLike) -> Floats:
    """The values as float64; raises `UsageError` if one is NaN or outside [0, 1]."""
    x = np.asarray(values, dtype=np.float64)
    wrong = x[~((x >= 0) & (x <= 1))]
    if wrong.size:
        raise must("values", "an interval", "lie in [0, 1]", float(wrong.flat[0]), "Rescale them by their bounds, known beforehand.")
    return x


def _counts(successes: npt.ArrayLike, n: npt.ArrayLike) -> tuple[Floats, Floats]:
    k, trials = np.broadcast_arrays(np.asarray(successes, dtype=np.float64), np.asarray(n, dtype=np.float64))
    wrong = ~((k >= 0) & (k <= trials) & (k == np.floor(k)) & (trials == np.floor(trials)))
    if wrong.any():
        raise must("successes", "a proportion", "be a whole number from 0 to n", f"{k[wrong].flat[0]:g} of {trials[wrong].flat[0]:g}")
    return k, trials
