"""Exact sequential tests of a proportion: is p above p0? They may stop early, and are planned before the first draw.

After looks[0] < looks[1] < ... draws, p <= p0 is rejected at the first look where the successes reach `reject`. Those numbers are the
smallest for which the probability of ever reaching one, at p = p0, is at most alpha. It is computed exactly, by summing over all states of
the binomial walk (a group-sequential design).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.signal import fftconvolve
from scipy.stats import binom, norm

from shiftproof._arrays import Bools, Floats, Ints
from shiftproof._errors import must

FIRST = 16
_GROWTH = 1.15
_EARLY, _POWER = 0.45, 0.55
_PATIENCE, _MORE_PATIENCE = 1.1, 0.4
_CUT = 1e-18
_DIRECT = 200_000


def look_times(most: int, *, first: int = FIRST) -> Ints:
    """The numbers of draws after which to look: from `first` on, each about 15 % more, in multiples of 16, and finally `most`."""
    times = [min(first, most)]
    while times[-1] < most:
        times.append(min(most, max(times[-1] + 16, int(times[-1] * _GROWTH) // 16 * 16)))
    return np.array(times, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class SequentialTests:
    """Tests of p <= p0 for several p0, on one stream of draws.

    Args:
        proportions: the p0, ascending, shape (r,).
        looks: the numbers of draws after which to look, ascending, shape (m,).
        reject: the least successes at which p <= p0 is rejected, shape (r, m); more than the draws where it cannot be rejected yet.
        give_up: the most successes at which it is not worth continuing, shape (r, m); -1 for none.
        alpha: the probability of a false claim.

    Guarantees:
        For every p and every stopping rule, the probability that any claim p > p0 is false is at most alpha, for all p0 together. A p0 is
        claimed only with all smaller ones, so any false claim includes that of the smallest p0 >= p, whose own test has level alpha.
        `give_up` costs power only: `reject` is planned as if no test ever gave up.
    Cost: planning takes a few milliseconds per p0 for 100,000 draws, once per process.

    Reference: Jennison & Turnbull 2000 [jennison2000group], "Group sequential methods with applications to clinical trials", chapters 7
    (error spending) and 12 (exact binomial); Marcus, Peritz & Gabriel 1976 [marcus1976closed], "On closed testing procedures" for testing
    nested claims in order.
    """

    proportions: Floats
    looks: Ints
    reject: Ints
    give_up: Ints
    alpha: float

    def start(self, n: int) -> Verdicts:
        """The verdicts before the first look, for n streams."""
        none = np.zeros((n, len(self.proportions)), dtype=np.bool_)
        return Verdicts(none, none.copy() | (self.reject[:, -1] > self.looks[-1]))

    def see(self, verdicts: Verdicts, successes: npt.ArrayLike, look: int) -> Verdicts:
        """The verdicts after look number `look`, with the `successes` so far of each stream, shape (n,)."""
        k = np.asarray(successes, dtype=np.int64)[:, None]
        passed = verdicts.passed | (k >= self.reject[:, look])
        return Verdicts(passed, ~passed & (verdicts.hopeless | (k <= self.give_up[:, look])))


@dataclass(frozen=True, eq=False)
class Verdicts:
    """The verdicts so far on n streams: `passed` (p <= p0 is rejected) and `hopeless` (not worth continuing), shape (n, r)."""

    passed: Bools
    hopeless: Bools

    @property
    def claims(self) -> Ints:
        """The number of p0 that are claimed, from the smallest on, shape (n,)."""
        return np.asarray(np.cumprod(self.passed, axis=1).sum(1), dtype=np.int64)

    @property
    def undecided(self) -> Ints:
        """The number of further p0 that may still be claimed, shape (n,): those before the first hopeless one."""
        return np.asarray(np.cumprod(~self.hopeless, axis=1).sum(1) - self.claims, dtype=np.int64).clip(0)

    def __getitem__(self, rows: npt.ArrayLike) -> Verdicts:
        at = np.asarray(rows)
        return Verdicts(self.passed[at], self.hopeless[at])


def plan_tests(proportions: Sequence[float] | Floats, *, alpha: float, most: int, first: int = FIRST) -> SequentialTests:
    """Plans tests of p <= p0 at level `alpha` for each p0 of `proportions`, with at most `most` draws.

    The share 0.45 (n / most)^0.55 of alpha is spent up to n draws, and the rest at the last look. A test gives up where the successes are
    below z = z_alpha sqrt(t) - (1.1 - 0.4 ln t) sqrt(1 - t) standard errors from p0, with t = n / most. Both shapes approximate the
    boundaries that backward induction finds optimal for p near p0, at a cost of about 2e-6 decisions per draw.

    >>> tests = plan_tests([0.5, 0.9], alpha=0.001, most=1000)
    >>> verdicts = tests.see(tests.start(2), [tests.looks[4], 40], look=4)  # after 80 draws: all successes, and half
    >>> verdicts.claims.tolist(), verdicts.undecided.tolist()
    ([1, 0], [1, 1])
    """
    if not 0 < alpha < 1:
        raise must("alpha", "a test", "be in (0, 1)", alpha, "It is the probability of a false claim; 0.001 is usual.")
    if most < 1 or first < 1:
        raise must("most", "a test", "be at least 1 draw", min(most, first))
    ascending = np.asarray(proportions, dtype=np.float64)
    if ascending.ndim != 1 or not ((ascending >= 0) & (ascending <= 1)).all() or (np.diff(ascending) < 0).any():
        raise must("proportions", "a test", "be numbers in [0, 1], ascending", ascending.tolist())
    looks = look_times(most, first=first)
    both = [_boundaries(float(p0), alpha, most, first) for p0 in ascending]
    shape = (len(ascending), len(looks))
    reject, give_up = (np.array([pair[i] for pair in both], dtype=np.int64).reshape(shape) for i in (0, 1))
    return SequentialTests(ascending, looks, reject, give_up, alpha)


@lru_cache(maxsize=4096)
def _boundaries(p0: float, alpha: float, most: int, first: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    looks = look_times(most, first=first)
    reject = _reject(p0, looks, _spent(looks, alpha))
    return tuple(int(k) for k in reject), tuple(int(k) for k in _give_up(p0, looks, alpha))


def _spent(looks: Ints, alpha: float) -> Floats:
    """The probability of a false claim allowed up to each look, shape (m,)."""
    share = _EARLY * (looks / looks[-1]) ** _POWER
    share[-1] = 1.0
    return np.asarray(alpha * share)


def _give_up(p0: float, looks: Ints, alpha: float) -> Ints:
    if not 0 < p0 < 1:
        return np.full(len(looks), -1)
    t = looks / looks[-1]
    z = norm.isf(alpha) * np.sqrt(t) - (_PATIENCE - _MORE_PATIENCE * np.log(t)) * np.sqrt(1 - t)
    return np.asarray(binom.ppf(norm.cdf(z), looks, p0), dtype=np.int64) - 1


def _reject(p0: float, looks: Ints, spent: Floats) -> Ints:
    """The least successes at each look for which the probability of a false claim so far, at p = p0, is at most `spent`.

    `alive` is the distribution of the successes over the paths that no look has stopped, from `low` on. Probability lost by the cut at
    1e-18 on either side counts as spent.
    """
    alive, low, used, before = np.ones(1), 0, 0.0, 0
    reject = np.empty(len(looks), dtype=np.int64)
    for look, n in enumerate(looks):
        step, steps = _binomial(int(n) - before, p0)
        total = alive.sum()
        alive = _convolve(alive, steps)
        used += max(0.0, total - alive.sum())
        low, before = low + step, int(n)
        tail = np.cumsum(alive[::-1])[::-1]  # the probability of at least that many
        within = np.flatnonzero(used + tail <= spent[look])
        cut = int(within[0]) if len(within) else len(alive)
        reject[look] = low + cut if used <= spent[look] else n + 1
        if reject[look] > n or len(within) == 0:
            reject[look] = max(reject[look], low + len(alive))  # beyond all likely counts
            continue
        used += float(tail[cut])
        alive, low, lost = _trimmed(alive[:cut], low)
        used += lost
    return reject


def _binomial(n: int, p: float) -> tuple[int, Floats]:
    """The first value and the distribution of the successes of n draws, without its ends of less than 1e-18."""
    low, high = (int(end) for end in binom.ppf([_CUT, 1.0], n, p)) if n * p * (1 - p) < 100 else _window(n, p)
    return max(low, 0), np.asarray(binom.pmf(np.arange(max(low, 0), min(high, n) + 1), n, p))


def _window(n: int, p: float) -> tuple[int, int]:
    """Nine and a half standard deviations to either side, and 15 more for a skewed tail."""
    half = 9.5 * np.sqrt(n * p * (1 - p)) + 15
    return int(n * p - half), int(n * p + half)


def _convolve(one: Floats, two: Floats) -> Floats:
    if len(one) * len(two) <= _DIRECT:
        return np.convolve(one, two)
    return np.asarray(np.maximum(fftconvolve(one, two), 0.0))


def _trimmed(alive: Floats, low: int) -> tuple[Floats, int, float]:
    """The distribution without its unlikely lower end, its new first value, and the probability that was cut off."""
    below = np.cumsum(alive)
    cut = int(np.searchsorted(below, _CUT))
    return alive[cut:], low + cut, float(below[cut - 1]) if cut else 0.0
