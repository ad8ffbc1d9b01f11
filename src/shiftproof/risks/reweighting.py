"""The base class of risks over sets of weights, with an interval that is valid for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from shiftproof._arrays import Floats, Ints
from shiftproof.risks.abstract import Measurement
from shiftproof.risks.tallied import TalliedRisk, bracketed, raised_distribution
from shiftproof.risks.tally import Tally


@dataclass(frozen=True)
class Reweighting(TalliedRisk):
    """sup of E[w v] over a set of weights w >= 0 of mean 1 that depends on the distribution of v only; v in [0, 1], larger is worse.

    Guarantees:
        The interval replaces the sample's distribution function F by F + e and F - e, with e the Dvoretzky-Kiefer-Wolfowitz width: the
        largest share e of the examples is set to 0, or the smallest to 1. Such a risk cannot fall when values rise, so each end misses
        with probability at most (1 - confidence) / 2, for every distribution on [0, 1] and every n. It is wide where the set allows weight
        on shares of the order of e; its upper end is then 1.
    """

    over: ClassVar[Literal["correct", "error_probability"]] = "error_probability"
    worse: ClassVar[Literal["lower", "higher"]] = "higher"

    def compute(self, state: Tally, *, confidence: float = 0.95) -> Measurement:
        def value() -> float:
            return _in_unit(self.reweigh(state.values, state.counts).value)

        return bracketed(state, value, lambda rise: self.at(state.values, state.counts, rise), confidence=confidence)

    def at(self, values: Floats, counts: Ints, rise: float) -> float:
        """The risk with the distribution function raised by `rise` and clipped to [0, 1]; `values` ascend, each with its count."""
        mass = np.diff(raised_distribution(counts, rise), prepend=0.0)
        points = np.concatenate([[0.0], values, [1.0]])
        return _in_unit(self.reweigh(points[mass > 0], mass[mass > 0]).value)


def _in_unit(value: float) -> float:
    """Clipped to [0, 1], which rounding can leave."""
    return min(max(value, 0.0), 1.0)
