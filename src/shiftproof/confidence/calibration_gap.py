"""How far confidence lies from accuracy, with a test of perfect calibration and an interval that the bias of binning does not fool."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shiftproof._errors import must
from shiftproof.confidence.checked import (
    Bools,
    Floats,
    checked_confidences,
    checked_flags,
    checked_groups,
    checked_labels,
    checked_probabilities,
)
from shiftproof.outcomes import Interval
from shiftproof.risks.intervals import binomial_low, holm, tail_of

_OWNER = "calibration_gap"
_MOST_BINS = 15


@dataclass(frozen=True)
class CalibrationGap:
    """How far the confidences of n examples lie from the probabilities of being right.

    Args:
        value: the gap with the bias of binning removed, in [0, 1].
        raw: the expected calibration error as others print it, which is above 0 for a perfectly calibrated model too.
        bias: mean confidence minus accuracy: above 0 where the model is overconfident.
        interval: where the gap lies; it contains 0 exactly where the test does not reject.
        p: of perfect calibration.
        n: examples.
        bins: into how many bins they fell.
    """

    value: float
    raw: float
    bias: float
    interval: Interval
    p: float
    n: int
    bins: int


def calibration_gap(confidence: npt.ArrayLike, right: npt.ArrayLike, *, bins: int | None = None, level: float = 0.95) -> CalibrationGap:
    """The gap sum_b |sum_{i in b} (p_i - c_i)| / n between confidences c_i and probabilities of being right p_i, over bins b of confidence.

    Args:
        confidence: the stated probability of being right, shape (n,), in [0, 1].
        right: whether each answer is right, shape (n,).
        bins: at most this many bins of about equally many examples, equal confidences in one; by default the cube root of n, at most 15.
            They depend on confidences only.
        level: confidence of the interval; the test that belongs to it has size 1 - level.

    Guarantees:
        Given the confidences, for every n and whatever the ties: the interval contains the gap of these n examples with probability at
        least `level`, and P(p <= a) <= a for every a if every p_i = c_i. Half of the error probability goes to the mean over all
        examples (over- and underconfidence), half to the bins. The interval contains 0 exactly where p > 1 - level. The gap over bins is at
        most the gap without bins: miscalibration that cancels within a bin is not seen.

    The value takes from the square of each bin's difference its variance (Kumar et al. 2019), and is cut into the interval.

    Cost: n log n.

    >>> gap = calibration_gap([0.9] * 100, [True] * 70 + [False] * 30)
    >>> round(gap.value, 2), gap.p < 0.001, gap.interval.low > 0.08
    (0.19, True, True)

    Reference: Kumar, Liang & Ma 2019 [kumar2019verified], "Verified uncertainty calibration"; Hoeffding 1956 [hoeffding1956distribution],
    "On the distribution of the number of successes in independent trials", for examples with different p_i.
    """
    tail_of(level)
    c = checked_confidences(confidence, _OWNER)
    z = checked_flags(right, len(c), _OWNER)
    return _gap(c, z, bins, 1 - level)


def _gap(c: Floats, z: Bools, bins: int | None, alpha: float) -> CalibrationGap:
    n, order = len(c), np.argsort(c)
    ordered = c[order]
    starts = _starts(ordered, bins)
    count = np.diff(np.append(starts, n)).astype(np.float64)
    stated, seen = np.add.reduceat(ordered, starts), np.add.reduceat(z[order].astype(np.float64), starts)
    blocks = len(count)
    sizes, hits, claims = (np.append(each, each.sum()) for each in (count, seen, stated))
    tails = np.append(np.full(blocks, alpha / (4 * blocks)), alpha / 4)
    low, high = poisson_binomial_ends(hits, sizes, tails)
    low, high = low * sizes, high * sizes
    p = np.minimum(poisson_binomial_tail(hits, sizes, claims), poisson_binomial_tail(sizes - hits, sizes, sizes - claims))
    least = np.maximum(low[:-1] - stated, 0) + np.maximum(stated - high[:-1], 0)
    nearest = np.clip(stated, low[:-1], high[:-1]).sum()
    short = max(0.0, float(low[-1] - nearest), float(nearest - high[-1]))  # what the whole needs beyond the bins' nearest
    most = np.maximum(np.abs(high[:-1] - stated), np.abs(low[:-1] - stated))
    interval = Interval(min(1.0, (float(least.sum()) + short) / n), min(1.0, float(most.sum()) / n))
    difference = seen - stated
    spread = np.where(count > 1, seen * (count - seen) / np.maximum(count - 1, 1), np.inf)
    value = float(np.sqrt(np.maximum(difference**2 - spread, 0)).sum()) / n
    return CalibrationGap(
        value=min(max(value, interval.low), interval.high),
        raw=float(np.abs(difference).sum()) / n,
        bias=float(stated.sum() - seen.sum()) / n,
        interval=interval,
        p=min(1.0, 4 * float(p[-1]), 4 * blocks * float(p[:-1].min())),
        n=n,
        bins=blocks,
    )


def _starts(ordered: Floats, bins: int | None) -> npt.NDArray[np.intp]:
    """Where each bin of the ascending confidences starts: about equally many in each, equal confidences together."""
    if bins is not None and bins < 1:
        raise must("bins", _OWNER, "be at least 1", bins)
    n = len(ordered)
    wanted = min(_MOST_BINS, max(1, math.floor(n ** (1 / 3)))) if bins is None else bins
    return np.unique(np.searchsorted(ordered, ordered[[n * b // wanted for b in range(wanted)]]))


def poisson_binomial_tail(successes: npt.ArrayLike, n: npt.ArrayLike, mean: npt.ArrayLike) -> Floats:
    """A bound on P(S >= successes) over all sums S of n independent indicators, of any probabilities, with this mean. Arrays broadcast.

    That of a binomial of the same mean where successes >= mean + 1 and is at least 2 (Hoeffding 1956); the mean itself for one success;
    else 1. It is attained by equal probabilities in the first case.
    """
    from scipy.special import betainc

    k, trials, m = (np.asarray(each, np.float64) for each in np.broadcast_arrays(successes, n, mean))
    far = (k >= 2) & (k >= m + 1)
    share = np.clip(m / np.maximum(trials, 1), 0, 1)
    tail = betainc(np.where(far, k, 1.0), np.where(far, trials - k + 1, 1.0), share)
    return np.where(far, tail, np.where(k == 1, np.minimum(m, 1.0), 1.0))


def poisson_binomial_ends(successes: npt.ArrayLike, n: npt.ArrayLike, tail: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Ends for the mean probability of n independent indicators of any probabilities; each misses with probability at most `tail` < 1/4.

    The low end is where `poisson_binomial_tail` is `tail`: that of Clopper and Pearson, tail / n for one success.
    """
    k, trials, at = (np.asarray(each, np.float64) for each in np.broadcast_arrays(successes, n, tail))

    def low(hits: Floats) -> Floats:
        return np.where(hits == 1, at / np.maximum(trials, 1), binomial_low(hits, trials, at))

    return low(k), 1 - low(trials - k)


def class_gaps(
    probabilities: npt.ArrayLike, y: npt.ArrayLike, *, bins: int | None = None, level: float = 0.95
) -> tuple[CalibrationGap, ...]:
    """The gap of each class: its probability against whether the label is that class, shape (classes,).

    Args:
        probabilities: shape (n, classes).
        y: labels, shape (n,).
        bins: as for `calibration_gap`.
        level: all intervals hold together at this level, and p-values are adjusted together (Holm).
    """
    stated = checked_probabilities(probabilities, _OWNER)
    labels = checked_labels(y, stated.shape, _OWNER)
    alpha = (1 - level) / stated.shape[1]
    found = [_gap(one, labels == k, bins, alpha) for k, one in enumerate(np.clip(stated, 0, 1).T)]
    return _adjusted(found)


@dataclass(frozen=True)
class WorstGroupGap:
    """The group with the greatest calibration gap, its selection accounted for.

    Args:
        group: its name, "column=value".
        gap: its own figures, with an interval and p-value that hold for all groups together.
        interval: where the greatest gap of all groups lies.
        groups: the gap of every group, by name.
    """

    group: str
    gap: CalibrationGap
    interval: Interval
    groups: Mapping[str, CalibrationGap]


def worst_group(
    confidence: npt.ArrayLike,
    right: npt.ArrayLike,
    groups: Mapping[str, npt.ArrayLike],
    *,
    bins: int | None = None,
    level: float = 0.95,
) -> WorstGroupGap:
    """The calibration gap of every group and of the worst one.

    Args:
        confidence: shape (n,), in [0, 1].
        right: shape (n,).
        groups: per column, the group of each example, shape (n,). Groups of different columns may overlap.
        bins: as for `calibration_gap`.
        level: all intervals hold together at this level, and p-values are adjusted together (Holm).

    Guarantees: as `calibration_gap`, for all groups together, so for the one that looks worst too.

    Raises:
        UsageError: there is no column of groups, or one does not name a group per example.
    """
    c = checked_confidences(confidence, _OWNER)
    z = checked_flags(right, len(c), _OWNER)
    if not isinstance(groups, Mapping) or not groups:  # a caller without type checks gives one column as it is
        raise must("groups", "worst_group", "name at least one column of groups, such as {'site': [...]}", groups)
    named = {column: checked_groups(values, len(c), "worst_group") for column, values in groups.items()}
    rows = {f"{column}={value}": np.flatnonzero(values == value) for column, values in named.items() for value in np.unique(values)}
    found = _adjusted([_gap(c[at], z[at], bins, (1 - level) / len(rows)) for at in rows.values()])
    every = dict(zip(rows, found, strict=True))
    worst = max(every, key=lambda name: (every[name].interval.low, every[name].value))
    low, high = (max(end) for end in zip(*(gap.interval for gap in found), strict=True))
    return WorstGroupGap(worst, every[worst], Interval(low, high), every)


def _adjusted(found: list[CalibrationGap]) -> tuple[CalibrationGap, ...]:
    """The gaps with p-values adjusted for being several."""
    from dataclasses import replace

    return tuple(replace(gap, p=float(p)) for gap, p in zip(found, holm([gap.p for gap in found]), strict=True))
