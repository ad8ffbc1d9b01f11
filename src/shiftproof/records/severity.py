"""Accuracy as a shift grows: the curve of one model, and whether two models change places along it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shiftproof._arrays import Floats
from shiftproof.outcomes import Bound, Flag, Interval
from shiftproof.risks.intervals import Ends, clopper_pearson, simultaneous


@dataclass(frozen=True, eq=False)
class SeverityCurve:
    """How one model fares as a shift grows, each of n examples moved by one chance draw that only gets stronger.

    Args:
        model: its name.
        shift: the spec at the greatest strength.
        strength: the option that grows.
        levels: its values, ascending, the first of which moves nothing; shape (k,).
        right: whether each example is right at each level, shape (k, n).
        ids: the examples' names, shape (n,).
        failure: the least strength found that breaks each example, shape (n,): the first level where it is wrong unmoved, infinite where no
            level broke it.
        gap: how far below `failure` the example was last seen right, shape (n,); 0 where there is nothing below, NaN where it never failed.
        recoveries: how often each example, once broken, is right again at the next level, shape (n,): failure is monotone where it is 0.
        forwards: the passes asked about each example, shape (n,).
        confidence: that of the intervals.
        flags: reasons to distrust it.
        sent: rows that reached the model for all of it.
    """

    model: str
    shift: str
    strength: str
    levels: Floats
    right: npt.NDArray[np.bool_]
    ids: npt.NDArray[np.str_]
    failure: Floats
    gap: Floats
    recoveries: npt.NDArray[np.int64]
    forwards: npt.NDArray[np.int64]
    confidence: float
    flags: tuple[Flag, ...]
    sent: int = 0

    bound = Bound.ESTIMATE
    """Accuracies are means over chance draws."""

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def asked(self) -> int:
        """Forwards asked about all examples together."""
        return int(self.forwards.sum())

    @property
    def accuracy(self) -> Floats:
        """The share that is right at each level, shape (k,)."""
        return np.asarray(self.right.mean(1))

    def interval(self, *, everywhere: bool = False) -> Ends:
        """The interval of each of those shares: each by itself (Clopper-Pearson), or such that all k hold together (Bonferroni)."""
        right, n = self.right.sum(1), len(self)
        if everywhere:
            return simultaneous(right, np.full(len(right), n), confidence=self.confidence, disjoint=False)
        return clopper_pearson(right, n, confidence=self.confidence)

    @property
    def median_failure(self) -> float:
        """The least strength at which half of the examples have failed at least once; infinite where fewer ever do."""
        return float(np.sort(self.failure)[math.ceil(len(self) / 2) - 1])

    @property
    def unmonotone(self) -> tuple[float, Interval]:
        """The share of examples that were seen broken and at a stronger level right again, with its interval."""
        count = int((self.recoveries > 0).sum())
        return count / len(self), clopper_pearson(count, len(self), confidence=self.confidence).one()


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
