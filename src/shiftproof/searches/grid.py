"""Every point of a grid over a shift of a few numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches.abstract import Incumbent, Search
from shiftproof.shifts.abstract import Boxed, Params, Shift

_MOST = 100_000
"""Points above which a grid is refused: days of forwards, and memory for the grid alone."""


@dataclass(frozen=True)
class Grid(Search):
    """The grid point at which the model is most wrong.

    Args:
        points: values of each number of the move, at least 2; k numbers make points**k grid points.

    Guarantees:
        Exact over its points, and deterministic. Between the points it claims nothing.
    Cost: up to points**k forwards per example; an example that breaks is dropped.

    Reference: Engstrom et al. 2019 [engstrom2019exploring], "Exploring the landscape of spatial robustness".
    """

    name: ClassVar[str] = "grid"

    points: int = 9

    def check(self) -> None:
        self.require("points", least=2)

    def unsupported(self, shift: Shift) -> str | None:
        if not isinstance(shift, Boxed):
            return f"{shift.name} has too many parameters for a grid"
        if shift.random:
            return f"{shift.name} is random, so a grid cannot cover its draws: use best_of_n"
        size = shift.grid_size(self.points)
        if size > _MOST:
            return f"a grid of {self.points} values for each parameter of {shift.name} has {size:.2g} points: use evolution or best_of_n"
        return None

    def most_passes(self, shift: Shift) -> int:
        return shift.grid_size(self.points) if isinstance(shift, Boxed) else 0

    def __call__(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Params:
        assert isinstance(shift, Boxed)  # `objection` has said so
        best = Incumbent(shift.origin(x))
        for point in shift.grid(self.points).to(x.device):
            rows = best.standing()
            if not len(rows):
                break
            params = point.expand(len(rows), -1)
            best.update(rows, params, oracle[rows](params))
        return best.params
