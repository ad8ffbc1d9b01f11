"""Every move there is: exact where that fits the budget."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Any, ClassVar

import torch
from torch import Tensor

from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches.edit_candidates import EditSearch, Round
from shiftproof.shifts.abstract import Params, Shift
from shiftproof.shifts.on import edited_rows, edits_in


@dataclass(frozen=True)
class Exhaustive(EditSearch):
    """Every set of edits, fewest first, until one breaks the example or the budget ends.

    Args:
        queries: questions an example at most, at least 1.

    Guarantees:
        Exact where an example has at most `queries` moves: one that holds is then certified, and accuracy over the sample is at most the
        share that holds and at least the share certified. The first failure has the fewest edits possible.
    Cost: up to `queries` forwards per example; an example that breaks is dropped.
    """

    name: ClassVar[str] = "exhaustive"
    proves: ClassVar[bool] = True

    queries: int = 10_000

    def check(self) -> None:
        self.require("queries", least=1)

    def proven(self, shift: Shift, x: Any) -> Tensor:
        edits = edits_in(shift)
        assert edits is not None  # `objection` has said so
        return torch.tensor([edits.count(one) <= self.queries for one in edited_rows(shift, x)], dtype=torch.bool)

    def __call__(self, shift: Shift, oracle: Oracle, x: Any, rng: Rng) -> Params:
        run = Round(shift, oracle, x, self.queries)
        run.first()
        for _ in run.each({row: islice(run.edits.every(run.rows[row]), 1, None) for row in run.standing()}):
            pass  # it keeps what breaks
        return run.best
