"""Areas under the ROC curve as quantities of a study, alone and beside each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from shiftproof._arrays import Floats
from shiftproof.records.study import Unit
from shiftproof.studies.quantity import Quantity


class StrangenessPair(NamedTuple):
    """What a detector says of familiar inputs, shape (n,), and of unfamiliar ones, shape (m,): larger is stranger."""

    familiar: Floats
    unfamiliar: Floats

    @property
    def placements(self) -> tuple[Floats, Floats]:
        """For each familiar input the share of unfamiliar ones that are stranger, ties counting half, shape (n,); and the reverse, (m,)."""
        return 1 - _share_below(self.familiar, self.unfamiliar), _share_below(self.unfamiliar, self.familiar)


def area(found: StrangenessPair) -> Quantity:
    """The probability that an unfamiliar input is stranger than a familiar one, with the error of its structural components.

    >>> area(StrangenessPair(np.array([0.0, 1.0]), np.array([1.0, 2.0]))).value
    0.875

    Reference: DeLong, DeLong & Clarke-Pearson 1988 [delong1988comparing], "Comparing the areas under two or more correlated receiver
    operating characteristic curves".
    """
    return _of(*found.placements, "share")


def area_difference(first: StrangenessPair, second: StrangenessPair) -> Quantity:
    """The area of one detector less that of another on the same inputs: paired."""
    (a, b), (c, d) = first.placements, second.placements
    return _of(a - c, b - d, "points")


def mean_difference(pairs: Sequence[tuple[StrangenessPair, StrangenessPair]]) -> Quantity:
    """The mean of differences whose samples overlap: its error is the mean of theirs, which is too wide, never too narrow."""
    each = [area_difference(*pair) for pair in pairs]
    return Quantity(float(np.mean([one.value for one in each])), float(np.mean([one.error for one in each])), "points")


def mean_area(found: Sequence[StrangenessPair]) -> Quantity:
    """The mean area, with its error as that of `mean_difference`."""
    each = [area(one) for one in found]
    return Quantity(float(np.mean([one.value for one in each])), float(np.mean([one.error for one in each])), "share")


def _of(familiar: Floats, unfamiliar: Floats, unit: Unit) -> Quantity:
    error = math.sqrt(float(familiar.var(ddof=1)) / len(familiar) + float(unfamiliar.var(ddof=1)) / len(unfamiliar))
    return Quantity(float(familiar.mean()), error, unit)


def _share_below(values: Floats, others: Floats) -> Floats:
    ordered = np.sort(others)
    return np.asarray((np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")) / (2 * len(ordered)))
