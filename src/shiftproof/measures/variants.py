"""How far answers depend on variants of a prompt that mean the same: Cohen's h of each item, relative drop, flip rate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shiftproof._arrays import Floats
from shiftproof._errors import must
from shiftproof.outcomes import Interval
from shiftproof.risks.betting_intervals import betting_interval

_PRECISE = 1e-6
_DEEPEST = -100.0


@dataclass(frozen=True)
class VariantRobustness:
    """What variants of the same items do, over n items.

    Args:
        n: items.
        variants: of each item.
        cohens_h: mean over items of |h| / pi, in [0, 1]: 0 where accuracy over variants is that of the item as it is.
        drop_rate: the performance drop rate, 1 - (mean accuracy over variants) / (accuracy as it is); NaN where the latter is 0.
        flip_rate: share of pairs of an item and a variant of it where one is right and the other wrong.
        cohens_h_interval, drop_rate_interval, flip_rate_interval: of the values over the population of items. The drop rate's low end is
            -inf where accuracy as it is may be 0.
    """

    n: int
    variants: int
    cohens_h: float
    cohens_h_interval: Interval
    drop_rate: float
    drop_rate_interval: Interval
    flip_rate: float
    flip_rate_interval: Interval


def variant_robustness(before: npt.ArrayLike, after: npt.ArrayLike, *, confidence: float = 0.95) -> VariantRobustness:
    """Three figures of the same table of verdicts.

    h of an item is 2 asin sqrt(accuracy over its variants) - 2 asin sqrt(accuracy as it is). The arcsine makes equal changes count alike
    near 0, near 1 and between.

    Args:
        before: how right each item is as it is, in [0, 1], shape (n,), n >= 1.
        after: the same of its variants, shape (n, variants), variants >= 1.
        confidence: of each interval, in (0, 1).

    Guarantees:
        Each interval misses with probability at most 1 - confidence for independent items, at every n: betting intervals of means; that of
        the drop rate is the set of all d for which the mean of (variants - (1 - d) * as it is) may be 0.

    Example:
        >>> found = variant_robustness([1, 1, 0, 0], [[0, 0], [1, 1], [0, 0], [0, 0]])
        >>> found.cohens_h, found.drop_rate, found.flip_rate
        (0.25, 0.5, 0.25)

    Reference: Ackerman et al. 2024 [ackerman2024novel], "A novel metric for measuring the robustness of large language models in
    non-adversarial scenarios".
    """
    first, table = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    if first.ndim != 1 or not len(first) or table.ndim != 2 or table.shape[0] != len(first) or not table.shape[1]:
        rule = "have shapes (n,) and (n, variants), n and variants at least 1"
        raise must("before and after", "variant_robustness", rule, (first.shape, table.shape))
    if not (bool(((first >= 0) & (first <= 1)).all()) and bool(((table >= 0) & (table <= 1)).all())):
        raise must("scores", "variant_robustness", "be in [0, 1]", "others")
    if not 0 < confidence < 1:
        raise must("confidence", "variant_robustness", "be in (0, 1)", confidence)
    mean = table.mean(1)
    h = np.abs(2 * np.arcsin(np.sqrt(mean)) - 2 * np.arcsin(np.sqrt(first))) / np.pi
    flips = np.abs(table - first[:, None]).mean(1)
    drop = 1 - float(mean.mean()) / float(first.mean()) if first.any() else float("nan")
    return VariantRobustness(
        n=len(first),
        variants=table.shape[1],
        cohens_h=float(h.mean()),
        cohens_h_interval=betting_interval(h.clip(0, 1), confidence=confidence).one(),
        drop_rate=drop,
        drop_rate_interval=_drop_interval(first, mean, confidence),
        flip_rate=float(flips.mean()),
        flip_rate_interval=betting_interval(flips, confidence=confidence).one(),
    )


def _drop_interval(first: Floats, mean: Floats, confidence: float) -> Interval:
    """All d for which 0 is in the interval of E[mean - (1 - d) first]; that mean grows with d, so the set is an interval."""

    def ends(d: float) -> Interval:
        width = 2 - d  # mean - (1 - d) first is in [-(1 - d), 1]
        low, high = betting_interval(((mean - (1 - d) * first + (1 - d)) / width).clip(0, 1), confidence=confidence).one()
        return Interval(low * width - (1 - d), high * width - (1 - d))

    # In [_DEEPEST, 1]; at 1 the mean is that of the variants, which is at least 0.
    low = _crossing(lambda d: ends(d).high)
    high = 1.0 if ends(1.0).low <= 0 else _crossing(lambda d: ends(d).low)
    return Interval(-np.inf if low <= _DEEPEST else low, high)


def _crossing(end: Callable[[float], float]) -> float:
    """Where an end that grows with d, and is not below 0 at 1, becomes 0, in [_DEEPEST, 1]."""
    from scipy.optimize import brentq

    if end(_DEEPEST) >= 0:
        return _DEEPEST
    found: float = brentq(end, _DEEPEST, 1.0, xtol=_PRECISE)
    return found
