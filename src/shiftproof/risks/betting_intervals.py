"""Confidence intervals for means of bounded values, by betting.

If the mean is m, no sequence of fair bets on values in [0, 1] multiplies its stake by 1 / t with probability above t (Ville 1939
[ville1939etude]). So the interval excludes every m against which a strategy, fixed beforehand, did so.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp

from shiftproof._arrays import Floats
from shiftproof._errors import must
from shiftproof.risks.intervals import Ends, bounded, tail_of

_ROUNDS = 100
_TRUNCATION = 0.5
_TINY = 1e-100


def betting_interval(values: npt.ArrayLike, *, counts: npt.ArrayLike | None = None, confidence: float = 0.95) -> Ends:
    """Interval for the mean of values in [0, 1], shape (..., n), that does not depend on their order.

    Against each m it holds a portfolio of constant bets with capital sum_g w_g prod_i (1 - g + g x_i / m), for shares g = 1, 1/2, 1/4, ...
    down to ln(1 / t) / n; the weights w_g prefer shares that suit n. The upper end is the same on 1 - x.

    Args:
        values: in [0, 1], shape (..., n); one interval per row.
        counts: how often each value occurred, shape (n,), where `values` are the distinct values of one sample.
        confidence: in (0, 1).

    Guarantees: each end misses with probability at most (1 - confidence) / 2, for every distribution on [0, 1] and every n. It adapts to
    the variance and, unlike adaptive bets, needs no random order. For n in the hundreds it is about 1.6 times as wide as the normal
    approximation, which has no such guarantee; more where the variance is small compared with 1 / n.
    Cost: about 10 passes of n log2(n) logarithms per end, and memory for as many numbers.

    >>> [round(end, 3) for end in betting_interval([0.1, 0.2, 0.15] * 20).one()]
    [0.134, 0.215]

    Reference: Waudby-Smith & Ramdas 2024 [waudbysmith2024estimating], "Estimating means of bounded random variables by betting" (hedged
    capital); Orabona & Jun 2024 [orabona2024tight], "Tight concentrations and confidence sequences from the regret of universal portfolio"
    (constant bets, mixed).
    """
    x = bounded(values)
    weights = np.ones(x.shape[-1]) if counts is None else np.asarray(counts, dtype=np.float64)
    tail = tail_of(confidence)
    return Ends(betting_low(x, weights, tail), 1 - betting_low(1 - x, weights, tail))


def betting_low(x: Floats, counts: Floats, tail: float) -> Floats:
    """The lower end of `betting_interval` that is above the truth with probability at most `tail`, shape (...).

    With u = ln m, the log-capital is a convex, decreasing function of u, so Newton's method approaches its root from the left, where m is
    still excluded: stopping early can only widen the interval.
    """
    x = np.where(x < _TINY, 0.0, x)  # rounding down is conservative here, and keeps 1 / m finite
    n = float(counts.sum())
    mean = (x * counts).sum(-1) / n if n else np.full(x.shape[:-1], np.nan)
    some = mean > 0
    shares = 0.5 ** np.arange(1 + max(0, math.ceil(math.log2(max(n, 1.0) / math.log(1 / tail)))))
    shares[0] = 1 - 0.5 / max(n, 1.0)  # with a share of exactly 1, a single 0 would lose everything
    middle = 2 * math.sqrt(2 * math.log(1 / tail) / max(n, 1.0))  # the best share is near half of this where mean and deviation are equal
    prior = np.minimum(shares / middle, middle / shares)
    prior = np.log(prior / prior.sum())
    fixed, at_risk = 1 - shares[:, None], shares[:, None] * x[..., None, :]
    u = np.log(np.where(some, mean, 1.0))
    for _ in range(_ROUNDS):
        part = at_risk * np.exp(-u)[..., None, None]
        stakes = prior + np.log(fixed + part) @ counts
        total = logsumexp(stakes, axis=-1)
        slope = -(np.exp(stakes - total[..., None]) * (part / (fixed + part) @ counts)).sum(-1)
        step = np.where(some, (math.log(1 / tail) - total) / np.where(some, slope, -1.0), 0.0)
        u = u + step
        if bool((np.abs(step) < 1e-10).all()):
            break
    return np.where(some, np.exp(u - 1e-9), np.where(np.isnan(mean), np.nan, 0.0))


def betting_sequence(values: npt.ArrayLike, *, confidence: float = 0.95, aim: int | None = None, points: int = 1000) -> Ends:
    """Intervals for the mean after each of n values in [0, 1], shape (..., n), that hold at all times together.

    Hedged capital with predictable plug-in bets: lambda_t = sqrt(2 ln(1 / t) / (v s ln(1 + s))) from the variance v of the values before
    the s-th, at most 1/2 of the bet that could lose everything; intervals are intersected over time.

    Args:
        values: in the order of arrival, shape (..., n); one sequence per row.
        confidence: in (0, 1).
        aim: the n at which the interval should be narrowest, if known beforehand; bets then use `aim` in place of s ln(1 + s). None
            aims at all n.
        points: ends are rounded outwards to a grid of this many steps on [0, 1].

    Guarantees: the truth lies in all n intervals with probability `confidence`, so one may look after each value and stop at any time, also
    because of the values. Values must be in the order of arrival (or a random order); the result depends on it.
    Cost: n * points steps per row.

    Reference: Waudby-Smith & Ramdas 2024, "Estimating means of bounded random variables by betting", Theorem 3.
    """
    x = bounded(values)
    if aim is not None and aim < 1:
        raise must("aim", "betting_sequence", "be at least 1", aim)
    if points < 2:
        raise must("points", "betting_sequence", "be at least 2", points)
    log = math.log(1 / tail_of(confidence))
    bets = _plug_in_bets(x, log, aim)
    grid = np.linspace(0, 1, points + 1)
    with np.errstate(divide="ignore"):
        most_up, most_down = _TRUNCATION / grid, _TRUNCATION / (1 - grid)
    up = np.zeros((*x.shape[:-1], points + 1))
    down, low, high = up.copy(), np.zeros_like(x), np.ones_like(x)
    least, most = np.zeros(x.shape[:-1]), np.ones(x.shape[:-1])
    for t in range(x.shape[-1]):
        gain = x[..., t, None] - grid
        up += np.log1p(np.minimum(bets[..., t, None], most_up) * gain)
        down += np.log1p(-np.minimum(bets[..., t, None], most_down) * gain)
        # `up` decreases along the grid and `down` increases, so the excluded points lie at the two ends.
        least = np.maximum(least, np.where(up >= log, grid, 0.0).max(-1))
        most = np.minimum(most, np.where(down >= log, grid, 1.0).min(-1))
        low[..., t], high[..., t] = least, most
    return Ends(low, high)


def _plug_in_bets(x: Floats, log: float, aim: int | None) -> Floats:
    """The bet on each value, from the values before it, shape of x."""
    s = np.arange(1, x.shape[-1] + 1)
    mean = (0.5 + np.cumsum(x, -1)) / (s + 1)
    variance = (0.25 + np.cumsum((x - mean) ** 2, -1)) / (s + 1)
    before = np.concatenate([np.full((*x.shape[:-1], 1), 0.25), variance], -1)[..., :-1]
    return np.asarray(np.sqrt(2 * log / (before * (aim or s * np.log1p(s)))))
