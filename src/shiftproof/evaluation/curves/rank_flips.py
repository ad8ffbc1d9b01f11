"""Whether the order of models depends on how far a shift moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from shiftproof._errors import UsageError, must
from shiftproof.evaluation.curves.severity_curve import SeverityCurve
from shiftproof.finding import Floats
from shiftproof.risks.paired import matched_interval


@dataclass(frozen=True, eq=False)
class RankFlip:
    """Two models along one shift: who is ahead at each level.

    Args:
        first, second: their names.
        difference: accuracy of the second minus that of the first at each level, on the same examples, shape (k,).
        low, high: its interval, such that those of all levels and all pairs compared hold together, shape (k,).
        first_ahead, second_ahead: the levels at which the interval lies on one side of 0.
    """

    first: str
    second: str
    difference: Floats
    low: Floats
    high: Floats
    first_ahead: Floats
    second_ahead: Floats

    @property
    def seen(self) -> bool:
        """The sign of the difference changes, which chance alone may do."""
        return bool((self.difference > 0).any() and (self.difference < 0).any())

    @property
    def shown(self) -> bool:
        """Each is ahead somewhere beyond chance: the ranking depends on the severity."""
        return bool(len(self.first_ahead) and len(self.second_ahead))


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
