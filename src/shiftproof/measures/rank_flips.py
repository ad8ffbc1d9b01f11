"""Whether the order of models depends on how far a shift moves."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from shiftproof._errors import UsageError, must
from shiftproof.records.severity import RankFlip, SeverityCurve
from shiftproof.risks.paired import matched_interval


def rank_flips(curves: Sequence[SeverityCurve]) -> tuple[RankFlip, ...]:
    """Every pair of models, and whether their order depends on how far the shift moves.

    Args:
        curves: of at least 2 models with names of their own, along one shift with the same levels on the same examples.

    Guarantees: with probability of at least the curves' (least) confidence no flip is shown that is not one: each paired interval
        (`matched_interval`) is widened for the number of levels times pairs (Bonferroni).

    Raises:
        UsageError: there are fewer than 2 curves, or they differ in shift, levels or examples, or two models share a name.
    """
    names = [curve.model for curve in curves]
    if len(curves) < 2 or len(set(names)) < len(names):
        raise must("curves", "rank_flips", "be of at least 2 models with names of their own", names)
    one = curves[0]
    for other in curves[1:]:
        same = other.shift == one.shift and np.array_equal(other.levels, one.levels) and np.array_equal(other.ids, one.ids)
        if not same:
            raise UsageError(f"The curves of {one.model} and {other.model} differ in shift, levels or examples: make both in the same way.")
    pairs = list(combinations(curves, 2))
    miss = (1 - min(curve.confidence for curve in curves)) / (len(pairs) * len(one.levels))
    return tuple(_flip(left, right, 1 - miss) for left, right in pairs)


def _flip(left: SeverityCurve, right: SeverityCurve, confidence: float) -> RankFlip:
    only_left, only_right = (left.right & ~right.right).sum(1), (right.right & ~left.right).sum(1)
    low, high = matched_interval(only_left, only_right, len(left), confidence=confidence)
    difference = (only_right - only_left) / len(left)
    return RankFlip(left.model, right.model, difference, low, high, left.levels[high < 0], left.levels[low > 0])
