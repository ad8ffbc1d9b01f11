"""How well strangeness tells unfamiliar inputs from familiar ones, each figure with an interval that holds at every sample size."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import rel_entr

from shiftproof.confidence.checked import Floats, checked_scores, checked_share
from shiftproof.outcomes import Interval
from shiftproof.risks.intervals import binomial_low, tail_of

_OWNER = "separation"
_KNOTS = 128
"""Steps of the curve behind the interval of the area under precision and recall: rounded outwards to so many."""
_RECALL = 0.95


@dataclass(frozen=True)
class Separation:
    """How strangeness separates n familiar inputs from m unfamiliar ones; the unfamiliar are the positive class.

    Args:
        auroc: probability that an unfamiliar input is stranger than a familiar one, ties counting half.
        aupr: mean over unfamiliar inputs of the precision at their own threshold (average precision); the prevalence where all tie.
        fpr95_ood_positive: share of familiar inputs that raise an alarm where 95 % of the unfamiliar do.
        fpr95_id_positive: share of unfamiliar inputs that pass where 95 % of the familiar do.
        prevalence: m / (n + m), on which `aupr` depends.
        auroc_interval: of each figure.
        aupr_interval: at this prevalence.
        fpr95_ood_positive_interval: share in the population, at the threshold of the population.
        fpr95_id_positive_interval: the same.
        familiar: n.
        unfamiliar: m.
    """

    auroc: float
    aupr: float
    fpr95_ood_positive: float
    fpr95_id_positive: float
    prevalence: float
    auroc_interval: Interval
    aupr_interval: Interval
    fpr95_ood_positive_interval: Interval
    fpr95_id_positive_interval: Interval
    familiar: int
    unfamiliar: int


def separation(familiar: npt.ArrayLike, unfamiliar: npt.ArrayLike, *, level: float = 0.95) -> Separation:
    """All figures of two samples of strangeness, shapes (n,) and (m,), any finite numbers: a rising map of both changes nothing.

    "FPR95" has two meanings in the literature; both are here, by name.

    Guarantees:
        Each interval by itself contains its figure with probability at least `level`, for every n, m and whatever the ties, for independent
        examples. AUROC: the Chernoff-Hoeffding bound of a two-sample U-statistic, which counts as min(n, m) pairs (Hoeffding 1963
        [hoeffding1963probability], "Probability inequalities for sums of bounded random variables", section 5); about twice as wide as
        DeLong's normal approximation, which promises nothing. AUPR: bands for both distribution functions. FPR: an exact interval of the
        quantile, then of the share beyond it.
    Cost: one sort of all.

    >>> found = separation([0.1, 0.2, 0.3, 0.3], [0.3, 0.5])
    >>> found.auroc, round(found.aupr, 3), found.prevalence.__round__(3)
    (0.875, 0.75, 0.333)
    """
    a, b = checked_scores(familiar, _OWNER, name="familiar"), checked_scores(unfamiliar, _OWNER, name="unfamiliar")
    checked_share(level, "level", _OWNER)
    counts = _Counts.of(a, b)
    low_a, low_b = np.sort(a), np.sort(b)
    ood_positive, ood_span = _share_beyond(-low_b[::-1], -low_a[::-1], level)
    id_positive, id_span = _share_beyond(low_a, low_b, level)
    auroc = counts.auroc()
    return Separation(
        auroc=auroc,
        aupr=counts.aupr(),
        fpr95_ood_positive=ood_positive,
        fpr95_id_positive=id_positive,
        prevalence=len(b) / (len(a) + len(b)),
        auroc_interval=chernoff_interval(auroc, min(len(a), len(b)), level=level),
        aupr_interval=counts.aupr_interval(level),
        fpr95_ood_positive_interval=ood_span,
        fpr95_id_positive_interval=id_span,
        familiar=len(a),
        unfamiliar=len(b),
    )


def rank_area(familiar: npt.ArrayLike, unfamiliar: npt.ArrayLike) -> float:
    """AUROC by ranks: the share of pairs whose second value is the greater, ties counting half; both at least one finite number.

    >>> rank_area([0.0, 1.0], [1.0])
    0.75
    """
    return _Counts.of(checked_scores(familiar, _OWNER, name="familiar"), checked_scores(unfamiliar, _OWNER, name="unfamiliar")).auroc()


def chernoff_interval(mean: float, n: int, *, level: float = 0.95) -> Interval:
    """Where the mean m of values in [0, 1] lies, by n KL(mean || m) <= ln(2 / (1 - level)).

    Guarantees coverage for n independent values, and for a U-statistic of two samples whose smaller one has n.

    >>> low, high = chernoff_interval(0.9, 100)
    >>> round(low, 3), round(high, 3)
    (0.8, 0.962)
    """
    bound = math.log(1 / tail_of(level)) / n

    def end(inside: float, outside: float) -> float:
        for _ in range(50):
            middle = (inside + outside) / 2
            near = float(rel_entr(mean, middle) + rel_entr(1 - mean, 1 - middle)) <= bound
            inside, outside = (middle, outside) if near else (inside, middle)
        return outside

    return Interval(end(mean, 0.0), end(mean, 1.0))


def chernoff_difference(gain: float, loss: float, n: int, *, level: float = 0.95) -> Interval:
    """Where a mean of values in [-1, 1] lies, from the means of its positive and of its negative parts: narrow where few differ from 0.

    Each part gets `chernoff_interval` at (1 + level) / 2, of which one end is used, so that all is valid where that one is.

    >>> [round(end, 3) for end in chernoff_difference(0.0, 0.1, 100)]
    [-0.211, 0.009]
    """
    up, down = (chernoff_interval(part, n, level=(1 + level) / 2) for part in (gain, loss))
    return Interval(up.low - down.high, up.high - down.low)


@dataclass(frozen=True, eq=False)
class _Counts:
    """How many of each sample lie at or above each distinct value, descending, shape (k,)."""

    a: Floats
    b: Floats

    @classmethod
    def of(cls, familiar: Floats, unfamiliar: Floats) -> _Counts:
        both = np.concatenate([familiar, unfamiliar])
        order = np.argsort(-both)
        values = both[order]
        last = np.append(np.flatnonzero(values[1:] != values[:-1]), len(values) - 1)
        b = np.cumsum(order >= len(familiar))[last].astype(np.float64)
        return cls(last + 1.0 - b, b)

    def auroc(self) -> float:
        area = (np.diff(self.a, prepend=0) * (self.b + np.concatenate([[0.0], self.b[:-1]])) / 2).sum()
        return float(area / (self.a[-1] * self.b[-1]))

    def aupr(self) -> float:
        return float((np.diff(self.b, prepend=0) * self.b / (self.a + self.b)).sum() / self.b[-1])

    def aupr_interval(self, level: float) -> Interval:
        """Least and greatest area over all pairs of distribution functions within bands around the samples'.

        The precision at recall t is that at the threshold s(t), the greatest with TPR(s) >= t. Only thresholds whose band holds t can be
        s(t), and the precision there is at most that of the greatest TPR and least FPR in the bands.
        """
        n, m = self.a[-1], self.b[-1]
        wide_a, wide_b = (math.sqrt(math.log(4 / (1 - level)) / (2 * each)) for each in (n, m))
        knots = np.unique(np.concatenate([[0], np.linspace(0, len(self.a), min(_KNOTS, len(self.a)) + 1).astype(np.intp)]))
        tpr, fpr = np.append(0, self.b)[knots] / m, np.append(0, self.a)[knots] / n
        odds = n / m
        ahead, behind = np.minimum(tpr[1:] + wide_b, 1), np.maximum(tpr[:-1] - wide_b, 0)  # of the thresholds from one knot to the next
        best = _precision(ahead, np.maximum(fpr[:-1] - wide_a, 0), odds)
        worst = _precision(behind, np.minimum(fpr[1:] + wide_a, 1), odds)
        steps = np.linspace(0, 1, _KNOTS + 1)
        low_t, high_t = steps[:-1, None], steps[1:, None]
        can = (ahead[None] >= low_t) & (behind[None] <= high_t)
        worst = np.maximum(worst[None], _precision(low_t, np.minimum(fpr[1:] + wide_a, 1)[None], odds))  # TPR(s(t)) >= t
        high = np.where(can, best[None], 0).max(1)
        low = np.where(can, worst, 1).min(1)
        return Interval(float(low.mean()), float(high.mean()))


def _precision(tpr: Floats, fpr: Floats, odds: float) -> Floats:
    """TPR / (TPR + odds FPR), 0 where nothing raises an alarm for certain and 1 where no familiar input does."""
    total = tpr + odds * fpr
    return np.where(fpr <= 0, np.where(tpr > 0, 1.0, 0.0), tpr / np.where(total > 0, total, 1.0))


def _share_beyond(positive: Floats, negative: Floats, level: float) -> tuple[float, Interval]:
    """The share of `negative` at or below the 95 % quantile of `positive`, both ascending, with its interval.

    The quantile of the population lies between two order statistics, each end missing with probability at most (1 - level) / 4; the share
    up to a fixed value is a proportion.
    """
    n, m = len(positive), len(negative)
    tail = tail_of(level) / 2
    at = positive[math.ceil(_RECALL * n - 1e-9) - 1]
    below, above = _ranks(n, tail)
    least = int(np.searchsorted(negative, positive[below - 1], side="right")) if below else 0
    most = int(np.searchsorted(negative, positive[above - 1], side="right")) if above <= n else m
    low = float(binomial_low(np.array(least), np.array(m), tail))
    high = 1 - float(binomial_low(np.array(m - most), np.array(m), tail))
    return int(np.searchsorted(negative, at, side="right")) / m, Interval(low, 1.0 if above > n else high)


def _ranks(n: int, tail: float) -> tuple[int, int]:
    """Ranks l and u (1 to n; 0 or n + 1 where none will do) with P(X_(l) > q) <= tail and P(X_(u) < q) <= tail, q the 95 % quantile.

    #{X < q} is at most binomial(n, 0.95) and #{X <= q} at least: so P(X_(u) < q) <= P(Bin >= u), P(X_(l) > q) <= P(Bin <= l - 1).
    """
    from scipy.stats import binom

    return int(binom.ppf(tail, n, _RECALL)), int(binom.isf(tail, n, _RECALL)) + 1
