"""Edits from the most promising move found so far, wherever it stands."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches._beams import shuffled
from shiftproof.searches.edit_candidates import EditSearch, Round
from shiftproof.shifts.abstract import Params, Shift
from shiftproof.shifts.edits import Edit
from shiftproof.shifts.on import edited_rows, edits_in

Move = tuple[Edit, ...]


@dataclass(frozen=True)
class BestFirst(EditSearch):
    """Of all moves asked about so far the one of largest margin is widened by every edit more; then again, until one breaks the example.

    Unlike `greedy`, it goes back where the way on is worse than one that was left, as a change of category that helps only with another.

    Args:
        queries: questions an example, at least 2.

    Guarantees:
        Exact where an example has at most `queries` moves, as it then asks about all of them: one that holds is certified.
    Cost: up to `queries` forwards per example; an example that breaks is dropped.

    Reference: Kireev, Kulynych & Troncoso 2023, "Adversarial robustness for tabular data through cost and utility awareness", whose search
    over the graph of changes this is, with the margin as its heuristic and no look-ahead.
    """

    name: ClassVar[str] = "best_first"
    proves: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ("kireev2023adversarial",)

    queries: int = 1000

    def check(self) -> None:
        self.require("queries", least=2)

    def proven(self, shift: Shift, x: Any) -> Tensor:
        edits = edits_in(shift)
        assert edits is not None  # `objection` has said so
        return torch.tensor([edits.count(one) <= self.queries for one in edited_rows(shift, x)], dtype=torch.bool)

    def __call__(self, shift: Shift, oracle: Oracle, x: Any, rng: Rng) -> Params:
        run = Round(shift, oracle, x, self.queries)
        run.first()
        waiting: dict[int, list[tuple[float, int, Move]]] = {row: [(0.0, 0, ())] for row in run.standing()}
        seen: dict[int, set[Move]] = {row: {()} for row in waiting}
        step = 0
        while waiting:
            best = {row: list(heapq.heappop(moves)[2]) for row, moves in waiting.items()}
            order = {row: shuffled(run.edits, run.rows[row], [move], rng[[row]].child("order", step)) for row, move in best.items()}
            new = {row: [move for move in moves if tuple(sorted(move)) not in seen[row]] for row, moves in order.items()}
            for row, move, margin in run.each({row: iter(moves) for row, moves in new.items()}):
                seen[row].add(tuple(sorted(move)))
                heapq.heappush(waiting[row], (-margin, len(seen[row]), tuple(sorted(move))))
            standing = set(run.standing())
            waiting = {row: moves for row, moves in waiting.items() if row in standing and moves}
            step += 1
        return run.best
