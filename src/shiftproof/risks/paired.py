"""Comparison of two samples or runs: paired by example, or as independent samples."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr

from shiftproof._arrays import Floats
from shiftproof._errors import must
from shiftproof.outcomes import Interval
from shiftproof.risks.intervals import Ends, arc, binomial_low, proportion_difference, tail_of
from shiftproof.risks.mean import Mean


@dataclass(frozen=True)
class PairedComparison:
    """Two sets of verdicts on the same n examples.

    Args:
        against: the name of the second.
        n: number of pairs.
        both_right, only_first, only_second, both_wrong: number of pairs where both, only the first, only the second, or none is correct.
        difference: accuracy of the second minus that of the first; NaN for no pairs.
        interval: confidence interval of the true difference.
        p_value: McNemar's exact test that both are equally accurate; NaN for no pairs.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}  # in a record, an unknown key is an error

    against: str
    n: int
    both_right: int
    only_first: int
    only_second: int
    both_wrong: int
    difference: float
    interval: Interval
    p_value: float


class Difference(NamedTuple):
    """Accuracy of the second minus that of the first, with its confidence interval."""

    value: float
    interval: Interval


def paired(first: npt.ArrayLike, second: npt.ArrayLike, *, against: str = "", confidence: float = 0.95) -> PairedComparison:
    """Compares verdicts on the same examples, each 1 for correct and 0 for wrong, shape (n,), in the same order.

    Guarantees: the interval as `matched_interval`, the p-value as `mcnemar`. The interval is not the inverted test, so near the edge one
    of the two may show a difference and the other not.

    >>> result = paired([1, 1, 1, 0], [1, 0, 0, 0])
    >>> result.only_first, result.difference, result.p_value
    (2, -0.5, 0.5)
    """
    one, two = _verdicts("first", first), _verdicts("second", second)
    if len(one) != len(two):
        raise must("second", "a paired comparison", f"have one verdict per pair ({len(one)})", len(two))
    n, only_first, only_second = len(one), int((one & ~two).sum()), int((two & ~one).sum())
    interval = matched_interval(only_first, only_second, n, confidence=confidence).one()
    return PairedComparison(
        against=against,
        n=n,
        both_right=int((one & two).sum()),
        only_first=only_first,
        only_second=only_second,
        both_wrong=int((~one & ~two).sum()),
        difference=(only_second - only_first) / n if n else math.nan,
        interval=interval,
        p_value=float(mcnemar(only_first, only_second)) if n else math.nan,
    )


def paired_difference(first: npt.ArrayLike, second: npt.ArrayLike, *, confidence: float = 0.95) -> Difference:
    """Mean score of the second minus that of the first on the same examples; scores lie in [0, 1].

    Of verdicts, 0 or 1, it is the difference of accuracies, and the interval that of `paired`; else the betting interval of the mean of
    differences, valid at every n too.

    >>> paired_difference([0.5, 1.0], [0.5, 0.0]).value
    -0.5
    """
    one, two = _scores(first), _scores(second)
    if not _binary(one, two) and len(one) == len(two):
        m = Mean().measure((1 + two - one) / 2, confidence=confidence)
        return Difference(2 * m.value - 1, Interval(2 * m.interval.low - 1, 2 * m.interval.high - 1))
    result = paired(first, second, confidence=confidence)
    return Difference(result.difference, result.interval)


def unpaired_difference(first: npt.ArrayLike, second: npt.ArrayLike, *, confidence: float = 0.95) -> Difference:
    """Mean score of the second minus that of the first on independent samples, of shapes (n,) and (m,); scores lie in [0, 1].

    Guarantees: of verdicts, 0 or 1, those of `intervals.proportion_difference`; else the difference of two intervals that each miss with
    half the probability. NaN where either sample is empty.

    >>> unpaired_difference([1, 1, 0, 0], [1, 1, 1, 0]).value
    0.25
    """
    if not _binary(_scores(first), _scores(second)):
        a, b = (Mean().measure(_scores(values), confidence=(1 + confidence) / 2) for values in (first, second))
        return Difference(b.value - a.value, Interval(b.interval.low - a.interval.high, b.interval.high - a.interval.low))
    one, two = _verdicts("first", first), _verdicts("second", second)
    ends = proportion_difference((one.sum(), len(one)), (two.sum(), len(two)), confidence=confidence)
    value = float(two.mean() - one.mean()) if len(one) and len(two) else math.nan
    return Difference(value, ends.one())


def matched_interval(only_first: npt.ArrayLike, only_second: npt.ArrayLike, n: npt.ArrayLike, *, confidence: float = 0.95) -> Ends:
    """Interval for P(only the second is correct) - P(only the first is), from the discordant counts b, c of n pairs; they broadcast.

    Low end: with q = P(second only) and s = P(first only | not second only), c ~ Bin(n, q) and, given c, b ~ Bin(n - c, s): two exact
    p-values, the second valid given the first. Combined as in `intervals.proportion_difference`, the end is the least q - s (1 - q) that
    they keep. The high end is the same with the roles exchanged, so exchanging first and second changes the interval's sign.

    Guarantees: each end misses with probability at most (1 - confidence) / 2, for every trinomial truth and every n. In large samples it is
    about 1.2 times as wide as the normal approximation, whose coverage is far below the stated one when few pairs differ.

    >>> [round(end, 3) for end in matched_interval(30, 10, 200).one()]
    [-0.181, -0.022]

    Reference: the square-and-add construction of Newcombe 1998 [newcombe1998improved], "Improved confidence intervals for the difference
    between binomial proportions based on paired data", made exact by conditioning.
    """
    near, far = arc(tail_of(confidence))
    b, c, pairs = np.broadcast_arrays(*(np.asarray(a, dtype=np.float64)[..., None] for a in (only_first, only_second, n)))

    def least(lost: Floats, won: Floats) -> Floats:
        rest = pairs - won
        q = binomial_low(won, pairs, near)
        # If no pairs are left, nothing is known about s, and it may be 1.
        s = np.where(rest > 0, 1 - binomial_low(rest - lost, rest, far), np.where(pairs > 0, 1.0, np.nan))
        return np.asarray((q - s * (1 - q)).min(-1))

    return Ends(least(b, c), -least(c, b))


def mcnemar(only_first: npt.ArrayLike, only_second: npt.ArrayLike) -> Floats:
    """Two-sided exact p-value that both are equally accurate, from the discordant counts; they broadcast.

    Given b + c pairs that differ, both directions are equally likely: twice the smaller binomial tail, at most 1; 1 where none differ.

    Guarantees: under equal accuracy it is at most a with probability at most a, for every n.

    Reference: McNemar 1947 [mcnemar1947note], "Note on the sampling error of the difference between correlated proportions or percentages".
    """
    b, c = np.asarray(only_first, dtype=np.float64), np.asarray(only_second, dtype=np.float64)
    return np.asarray(np.minimum(1.0, 2 * bdtr(np.minimum(b, c), (b + c).astype(np.int64), 0.5)))


def _scores(values: npt.ArrayLike) -> Floats:
    return np.asarray(values, dtype=np.float64)


def _binary(*several: Floats) -> bool:
    return all(bool(np.isin(values, (0.0, 1.0)).all()) for values in several)


def _verdicts(name: str, values: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    given = np.asarray(values, dtype=np.float64)
    if given.ndim != 1 or not bool(np.isin(given, (0.0, 1.0)).all()):
        raise must(
            name, "a comparison", "be 0 or 1 per example, shape (n,)", np.asarray(values).tolist() if given.size < 8 else given.shape
        )
    return np.asarray(given == 1.0)
