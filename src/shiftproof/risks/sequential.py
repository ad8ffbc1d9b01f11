"""Exact tests of a proportion that may stop at many moments: is p above p0? Planned before the first draw, by counting every path.

With n draws looked at after looks[0] < looks[1] < ... of them, p <= p0 is ruled out at the first look where the successes reach `reject`.
Those numbers are the smallest for which the chance of ever reaching one, at p = p0, stays within alpha: the binomial walk has so few states
that the chance is summed over all of them (a group-sequential design), where a general bet must pay for not knowing the distribution.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.signal import fftconvolve
from scipy.stats import binom, norm

from shiftproof._errors import must
from shiftproof.risks.intervals import Floats

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

FIRST = 16
_GROWTH = 1.15
_EARLY, _POWER = 0.45, 0.55
_PATIENCE, _MORE_PATIENCE = 1.1, 0.4
_CUT = 1e-18
_DIRECT = 200_000


def look_times(most: int, *, first: int = FIRST) -> Ints:
    """After how many draws to look: from `first` on, each time some 15 % more, in multiples of 16, and at last after `most`."""
    times = [min(first, most)]
    while times[-1] < most:
        times.append(min(most, max(times[-1] + 16, int(times[-1] * _GROWTH) // 16 * 16)))
    return np.array(times, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class SequentialTests:
    """Tests of p <= p0 for several p0 at once, on one stream of draws.

    Args:
        proportions: the p0, ascending, shape (r,).
        looks: after how many draws one looks, ascending, shape (m,).
        reject: successes from which on p <= p0 is ruled out, shape (r, m); above the draws where that cannot be yet.
        give_up: successes up to which going on is not worth it, shape (r, m); -1 for none.
        alpha: the chance of a false claim.

    Guarantees:
        Whatever p is and whenever one stops, for whatever reason, some claim p > p0 is false with probability at most alpha, all p0
        together: a p0 is claimed only with all smaller ones, so a false claim contains that of the smallest p0 >= p, whose own test has
        alpha for itself. `give_up` costs power only: `reject` is planned as if nobody ever gave up.
    Cost: planning takes some milliseconds a p0 for 100,000 draws, once a process.

    Reference: Jennison & Turnbull 1999 [jennison1999group], "Group sequential methods with applications to clinical trials", chapters 7
    (error spending) and 12 (exact binomial); Marcus, Peritz & Gabriel 1976 [marcus1976closed], "On closed testing procedures" for testing
    nested claims in order.
    """

    proportions: Floats
    looks: Ints
    reject: Ints
    give_up: Ints
    alpha: float

    def start(self, n: int) -> Verdicts:
        """Nothing decided yet, for n streams."""
        none = np.zeros((n, len(self.proportions)), dtype=np.bool_)
        return Verdicts(none, none.copy() | (self.reject[:, -1] > self.looks[-1]))

    def see(self, verdicts: Verdicts, successes: npt.ArrayLike, look: int) -> Verdicts:
        """The verdicts after look number `look`, with the `successes` so far of each stream, shape (n,)."""
        k = np.asarray(successes, dtype=np.int64)[:, None]
        passed = verdicts.passed | (k >= self.reject[:, look])
        return Verdicts(passed, ~passed & (verdicts.hopeless | (k <= self.give_up[:, look])))


@dataclass(frozen=True, eq=False)
class Verdicts:
    """What tests have said so far of n streams: `passed` (p <= p0 is ruled out) and `hopeless` (not worth going on), shape (n, r)."""

    passed: Flags
    hopeless: Flags

    @property
    def claims(self) -> Ints:
        """How many of the p0, from the smallest on, are claimed, shape (n,)."""
        return np.asarray(np.cumprod(self.passed, axis=1).sum(1), dtype=np.int64)

    @property
    def undecided(self) -> Ints:
        """How many p0 more might yet be claimed, shape (n,): those before the first hopeless one."""
        return np.asarray(np.cumprod(~self.hopeless, axis=1).sum(1) - self.claims, dtype=np.int64).clip(0)

    def __getitem__(self, rows: npt.ArrayLike) -> Verdicts:
        at = np.asarray(rows)
        return Verdicts(self.passed[at], self.hopeless[at])


def plan_tests(proportions: Sequence[float] | Floats, *, alpha: float, most: int, first: int = FIRST) -> SequentialTests:
    """Plans tests of p <= p0 at level `alpha` for each p0 of `proportions`, with at most `most` draws.

    Of alpha, the share 0.45 (n / most)^0.55 is spent up to n draws, and the rest at the last look. Giving up: where the successes lie below
    z = z_alpha sqrt(t) - (1.1 - 0.4 ln t) sqrt(1 - t) standard errors from p0, t = n / most. Both shapes follow the boundaries that
    backward induction finds best for a p that may lie anywhere near p0, at a price of some 2e-6 decisions a draw.

    >>> tests = plan_tests([0.5, 0.9], alpha=0.001, most=1000)
    >>> verdicts = tests.see(tests.start(2), [tests.looks[4], 40], look=4)  # of 80 draws all, and half
    >>> verdicts.claims.tolist(), verdicts.undecided.tolist()
    ([1, 0], [1, 1])
    """
    if not 0 < alpha < 1:
        raise must("alpha", "a test", "be in (0, 1)", alpha, "It is the chance of a false claim; 0.001 is usual.")
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
    """The chance of a false claim allowed up to each look, shape (m,)."""
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
    """The least successes at each look for which the chance of a false claim so far, at p = p0, is within `spent`.

    `alive` is the distribution of the successes over the paths that no look has stopped, from `low` on. What the cut at 1e-18 on either
    side loses counts as spent.
    """
    alive, low, used, before = np.ones(1), 0, 0.0, 0
    reject = np.empty(len(looks), dtype=np.int64)
    for look, n in enumerate(looks):
        step, steps = _binomial(int(n) - before, p0)
        total = alive.sum()
        alive = _convolve(alive, steps)
        used += max(0.0, total - alive.sum())
        low, before = low + step, int(n)
        tail = np.cumsum(alive[::-1])[::-1]  # the chance of at least that many
        within = np.flatnonzero(used + tail <= spent[look])
        cut = int(within[0]) if len(within) else len(alive)
        reject[look] = low + cut if used <= spent[look] else n + 1
        if reject[look] > n or len(within) == 0:
            reject[look] = max(reject[look], low + len(alive))  # beyond all that is likely
            continue
        used += float(tail[cut])
        alive, low, lost = _trimmed(alive[:cut], low)
        used += lost
    return reject


def _binomial(n: int, p: float) -> tuple[int, Floats]:
    """The distribution of the successes of n draws, without its ends of less than 1e-18, and where it begins."""
    low, high = (int(end) for end in binom.ppf([_CUT, 1.0], n, p)) if n * p * (1 - p) < 100 else _window(n, p)
    return max(low, 0), np.asarray(binom.pmf(np.arange(max(low, 0), min(high, n) + 1), n, p))


def _window(n: int, p: float) -> tuple[int, int]:
    """Nine and a half standard deviations to either side, with what a skewed tail needs more."""
    half = 9.5 * np.sqrt(n * p * (1 - p)) + 15
    return int(n * p - half), int(n * p + half)


def _convolve(one: Floats, two: Floats) -> Floats:
    if len(one) * len(two) <= _DIRECT:
        return np.convolve(one, two)
    return np.asarray(np.maximum(fftconvolve(one, two), 0.0))


def _trimmed(alive: Floats, low: int) -> tuple[Floats, int, float]:
    """The distribution without its unlikely lower end, where it begins now, and the chance of what was cut off."""
    below = np.cumsum(alive)
    cut = int(np.searchsorted(below, _CUT))
    return alive[cut:], low + cut, float(below[cut - 1]) if cut else 0.0
