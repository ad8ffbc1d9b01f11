"""One random move: the average case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from shiftproof.oracle import Oracle
from shiftproof.outcomes import Bound
from shiftproof.randomness import Rng
from shiftproof.searches.abstract import Search
from shiftproof.shifts.abstract import Params, Shift


@dataclass(frozen=True)
class OneDraw(Search):
    """One random draw per example, independent of the model: accuracy under it estimates the average case.

    Cost: no query of its own (the door's scoring is one forward).
    """

    name: ClassVar[str] = "one_draw"
    bound: ClassVar[Bound] = Bound.ESTIMATE

    def most_passes(self, shift: Shift) -> int:
        return 0

    def __call__(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Params:
        return shift.sample(x, rng)
