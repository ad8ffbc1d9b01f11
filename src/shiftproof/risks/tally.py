"""The state of risks: how often each value occurred."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from shiftproof._arrays import Floats, Ints


@dataclass(frozen=True, eq=False)
class Tally:
    """A sample without its order: the distinct values, ascending, and how often each occurred.

    An exact commutative monoid: `merge` adds whole numbers, so shards in any order give the same bits, and `Tally()` is its unit.

    Memory: 16 bytes per distinct value: two values for correct and wrong, and up to one per example for probabilities.

    >>> both = Tally.of(np.array([1.0, 0.0])).merge(Tally.of(np.array([1.0])))
    >>> both.values.tolist(), both.counts.tolist(), round(both.mean, 3)
    ([0.0, 1.0], [1, 2], 0.667)
    """

    values: Floats = field(default_factory=lambda: np.zeros(0))
    counts: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    @classmethod
    def of(cls, values: Floats) -> Tally:
        """The tally of one sample, shape (n,)."""
        distinct, counts = np.unique(values + 0.0, return_counts=True)  # + 0.0 makes -0.0 the same bits as 0.0
        return cls(distinct, counts.astype(np.int64))

    def merge(self, other: Tally) -> Tally:
        """The tally of both samples together."""
        if not len(self.values) or not len(other.values):
            return self if len(self.values) else other
        values, place = np.unique(np.concatenate([self.values, other.values]), return_inverse=True)
        counts = np.zeros(len(values), dtype=np.int64)
        np.add.at(counts, place, np.concatenate([self.counts, other.counts]))
        return Tally(values, counts)

    @property
    def n(self) -> int:
        """The number of examples."""
        return int(self.counts.sum())

    @property
    def binary(self) -> bool:
        """Whether only 0 and 1 occurred."""
        return bool(((self.values == 0.0) | (self.values == 1.0)).all())

    @property
    def ones(self) -> int:
        """The number of values that are exactly 1."""
        return int(self.counts[self.values == 1.0].sum())

    @property
    def mean(self) -> float:
        """The sample mean, exact up to the rounding of one division; NaN for no examples."""
        return math.fsum(self.values * self.counts) / self.n if self.n else math.nan
