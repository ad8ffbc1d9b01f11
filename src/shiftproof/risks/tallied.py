"""The base class of risks whose state is one tally of all values."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shiftproof._arrays import Floats, Ints
from shiftproof.outcomes import Interval
from shiftproof.risks.abstract import Measurement, Names, Risk
from shiftproof.risks.intervals import dkw_width
from shiftproof.risks.tally import Tally
from shiftproof.risks.worst_weights import Reweighted


@dataclass(frozen=True)
class TalliedRisk(Risk[Tally]):
    """A risk that depends on the distribution of the values only, not on groups."""

    @abstractmethod
    def reweigh(self, values: npt.ArrayLike, base: npt.ArrayLike | None = None) -> Reweighted:
        """The worst value of finite numbers of shape (n,), and the weights that attain it, shape (n,).

        The weights are the gradient of the value with respect to the numbers. `base` are reference weights, shape (n,); equal by default.
        """

    def init(self) -> Tally:
        return Tally()

    def update(self, state: Tally, values: npt.ArrayLike, groups: Names | None = None) -> Tally:
        return state.merge(Tally.of(self.accept(values)))

    def merge(self, left: Tally, right: Tally) -> Tally:
        return left.merge(right)


def bracketed(
    state: Tally, value: Callable[[], float], raised: Callable[[float], float], *, confidence: float, notes: tuple[str, ...] = ()
) -> Measurement:
    """A risk with the interval from the Dvoretzky-Kiefer-Wolfowitz band around the distribution function; NaN for no examples.

    `raised(e)` is the risk with the distribution function raised by e; it must not increase with e.
    """
    width = dkw_width(state.n, confidence=confidence)
    if not state.n:
        return Measurement(math.nan, Interval(math.nan, math.nan), 0)
    at = value()
    return Measurement(at, Interval(min(at, raised(width)), max(at, raised(-width))), state.n, notes=notes)


def raised_distribution(counts: Ints, rise: float) -> Floats:
    """The empirical distribution function, raised by `rise` and clipped to [0, 1], at 0, at each value, and at 1."""
    steps = np.concatenate([[0.0], np.cumsum(counts) / counts.sum()])
    return np.concatenate([np.clip(steps + rise, 0.0, 1.0), [1.0]])
