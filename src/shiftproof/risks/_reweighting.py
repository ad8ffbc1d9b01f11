"""What the risks share that depend on the distribution of the values alone: their state, and an interval that holds for all of them."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from shiftproof.outcomes import Interval
from shiftproof.risks._kernels import Reweighted
from shiftproof.risks.abstract import Measurement, Names, Risk
from shiftproof.risks.intervals import Floats, dkw_width
from shiftproof.risks.tally import Tally


@dataclass(frozen=True)
class Reweighting(Risk[Tally]):
    """sup of E[w v] over a set of weights w >= 0 of mean 1 that looks at the distribution of v alone, v in [0, 1], larger is worse.

    Guarantees:
        The interval puts F + e and F - e, e the Dvoretzky-Kiefer-Wolfowitz width, in place of the sample's distribution function: the
        largest share e of the examples is put at 0, or the smallest at 1. Such a risk cannot fall when values rise, so each end misses
        with probability at most (1 - confidence) / 2, for every distribution on [0, 1] and every n. Wide where the set reaches shares of
        the order of e: its upper end is then 1.
    """

    over: ClassVar[Literal["correct", "error_probability"]] = "error_probability"
    worse: ClassVar[Literal["lower", "higher"]] = "higher"

    @abstractmethod
    def reweigh(self, values: npt.ArrayLike, base: npt.ArrayLike | None = None) -> Reweighted:
        """The worst value of numbers of shape (n,), any finite ones, and the weights that attain it, shape (n,).

        The weights are the gradient of the value by the numbers. `base` are reference weights, shape (n,); equal ones by default.
        """

    def init(self) -> Tally:
        return Tally()

    def update(self, state: Tally, values: npt.ArrayLike, groups: Names | None = None) -> Tally:
        return state.merge(Tally.of(self.accept(values)))

    def merge(self, left: Tally, right: Tally) -> Tally:
        return left.merge(right)

    def compute(self, state: Tally, *, confidence: float = 0.95) -> Measurement:
        width = dkw_width(state.n, confidence=confidence)
        if not state.n:
            return Measurement(math.nan, Interval(math.nan, math.nan), 0)
        value = _in_unit(self.reweigh(state.values, state.counts).value)
        low = min(value, self.at(state.values, state.counts, width))
        high = max(value, self.at(state.values, state.counts, -width))
        return Measurement(value, Interval(low, high), state.n)

    def at(self, values: Floats, counts: npt.NDArray[np.int64], rise: float) -> float:
        """The risk with the distribution function raised by `rise`, kept in [0, 1]; `values` ascend, each with its count."""
        steps = np.concatenate([[0.0], np.cumsum(counts) / counts.sum()])
        reached = np.concatenate([np.clip(steps + rise, 0.0, 1.0), [1.0]])
        mass = np.diff(reached, prepend=0.0)
        points = np.concatenate([[0.0], values, [1.0]])
        return _in_unit(self.reweigh(points[mass > 0], mass[mass > 0]).value)


def _in_unit(value: float) -> float:
    """Without what rounding leaves beyond 0 or 1."""
    return min(max(value, 0.0), 1.0)
