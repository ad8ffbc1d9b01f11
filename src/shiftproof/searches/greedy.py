"""Edits one after the other, each the one at which the model is most wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches._beams import widened
from shiftproof.searches.edit_candidates import EditSearch
from shiftproof.shifts.abstract import Params, Shift


@dataclass(frozen=True)
class Greedy(EditSearch):
    """From no edit, of all moves with one edit more the one of largest margin, until the edits or the questions are used up.

    Args:
        queries: questions an example, at least 2.

    The moves with one edit more are asked about in an order of chance, so that a budget that ends early favours no part of the text.
    Without scores or a judge of degree all moves that do not break have the same margin, and it goes on from a chance edit.

    Guarantees:
        With one edit and a budget that is large enough it is exact, as it tries them all. With more it finds failures and proves nothing.
    Cost: up to `queries` forwards per example; an example that breaks is dropped.

    Reference: Ebrahimi et al. 2018, "HotFlip: white-box adversarial examples for text classification" (here without gradients).
    """

    name: ClassVar[str] = "greedy"
    references: ClassVar[tuple[str, ...]] = ("ebrahimi2018hotflip",)

    queries: int = 1000

    def check(self) -> None:
        self.require("queries", least=2)

    def __call__(self, shift: Shift, oracle: Oracle, x: Any, rng: Rng) -> Params:
        return widened(shift, oracle, x, rng, queries=self.queries, width=1)
