"""The base class of risks whose state is one tally of all values."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy.typing as npt

from shiftproof.risks.abstract import Names, Risk
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
