"""Several series of edits side by side, the best few kept after each edit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches._beams import widened
from shiftproof.searches.edit_candidates import EditSearch
from shiftproof.shifts.abstract import Params, Shift


@dataclass(frozen=True)
class Beam(EditSearch):
    """Of all moves with one edit more than one of the `width` best so far the `width` of largest margin, edit by edit.

    Args:
        queries: questions an example, at least 2.
        width: moves kept after each edit, at least 1; 1 is `greedy`.

    Guarantees:
        With one edit and a budget that is large enough it is exact. With more it finds failures and proves nothing.
    Cost: up to `queries` forwards per example; an example that breaks is dropped.

    Reference: Ebrahimi et al. 2018, "HotFlip: white-box adversarial examples for text classification" (its beam search, without gradients).
    """

    name: ClassVar[str] = "beam"
    references: ClassVar[tuple[str, ...]] = ("ebrahimi2018hotflip",)

    queries: int = 2000
    width: int = 4

    def check(self) -> None:
        self.require("queries", least=2)
        self.require("width", least=1)

    def __call__(self, shift: Shift, oracle: Oracle, x: Any, rng: Rng) -> Params:
        return widened(shift, oracle, x, rng, queries=self.queries, width=self.width)
