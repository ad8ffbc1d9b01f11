"""The worst of n random draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches.abstract import Incumbent, Search
from shiftproof.shifts.abstract import Params, Shift


@dataclass(frozen=True)
class BestOfN(Search):
    """The draw, of `n`, at which the model is most wrong.

    Args:
        n: draws per example, at least 1.

    Guarantees:
        A superset of draws never helps the model: `best_of_n(n=20)` breaks every example that `best_of_n(n=10)` breaks.
    Cost: up to n forwards per example; an example that breaks is dropped.

    Reference: Engstrom et al. 2019, "Exploring the landscape of spatial robustness" (worst-of-k).
    """

    name: ClassVar[str] = "best_of_n"
    aliases: ClassVar[tuple[str, ...]] = ("worst_of_k",)
    references: ClassVar[tuple[str, ...]] = ("engstrom2019exploring",)

    n: int

    def check(self) -> None:
        self.require("n", least=1)

    def unsupported(self, shift: Shift) -> str | None:
        return (
            None
            if shift.varied
            else f"{shift.name} draws the same move every time: use grid, which tries every severity up to the given one"
        )

    def most_passes(self, shift: Shift) -> int:
        return self.n

    def __call__(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Params:
        best = Incumbent(shift.sample(x, rng.child("draw", 0)))
        for draw in range(self.n):
            rows = best.standing()
            if not len(rows):
                break
            params = shift.sample(x[rows], rng[rows].child("draw", draw))
            best.update(rows, params, oracle[rows](params))
        return best.params
