"""Many moves of each example asked about together, under one budget of questions for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from shiftproof.oracle import Oracle
from shiftproof.searches.abstract import Incumbent, Search
from shiftproof.shifts.abstract import Params, Shift
from shiftproof.shifts.edits import Edit, Edits
from shiftproof.shifts.on import edited_rows, edits_in

AT_ONCE = 16
"""Candidates of one example in a round: an example is looked at again after so many, whatever the batch, so that what is spent on it does
not depend on the others."""
Candidates = Iterator[list[Edit]]


@dataclass(frozen=True)
class EditSearch(Search):
    """What searches over edits share: which shifts they can search."""

    queries: int

    def objection(self, shift: Shift) -> str | None:
        if edits_in(shift) is None:
            return f"{shift.name} makes no edits: use best_of_n or evolution"
        return super().objection(shift)

    def most_passes(self, shift: Shift) -> int:
        return self.queries


class Round:
    """The examples of a batch, and what was asked about each.

    Args:
        shift: makes edits, see `edits_in`.
        oracle: of the batch.
        x: its inputs.
        queries: questions about an example at most.
    """

    def __init__(self, shift: Shift, oracle: Oracle, x: Any, queries: int) -> None:
        edits = edits_in(shift)
        assert edits is not None  # `objection` has said so
        self.edits: Edits = edits
        self.rows: Sequence[Any] = [*edited_rows(shift, x)]
        self.oracle, self.queries = oracle, queries
        self.asked = [0] * len(self.rows)
        self.best = Incumbent(edits.params([[] for _ in self.rows]))

    def first(self) -> None:
        """Asks about every input as it is."""
        everyone = torch.arange(len(self.rows))
        if len(everyone):
            self._ask(everyone, self.best.params.clone())

    def standing(self) -> list[int]:
        """The examples that are not broken and have questions left."""
        return [row for row in self.best.standing().tolist() if self.asked[row] < self.queries]

    def each(self, candidates: dict[int, Candidates]) -> Iterator[tuple[int, list[Edit], float]]:
        """Asks about candidates of each example until one breaks it, they end or the budget does; gives what was asked with its margin."""
        open_ = dict(candidates)
        while open_:
            asked: list[tuple[int, list[Edit]]] = []
            for row, left in list(open_.items()):
                room = min(AT_ONCE, self.queries - self.asked[row])
                few = list(islice(left, max(0, room)))
                asked += [(row, edits) for edits in few]
                self.asked[row] += len(few)
                if len(few) < AT_ONCE:
                    del open_[row]
            if not asked:
                return
            owners = torch.tensor([row for row, _ in asked])
            margins = self._ask(owners, self.edits.params([edits for _, edits in asked]), booked=True)
            yield from ((row, edits, margin) for (row, edits), margin in zip(asked, margins.tolist(), strict=True))
            standing = set(self.best.standing().tolist())
            open_ = {row: left for row, left in open_.items() if row in standing}

    def _ask(self, owners: Tensor, moves: Params, *, booked: bool = False) -> Tensor:
        """The margins of these moves, which go into `best` one after the other; no call is larger than the batch."""
        size = max(1, len(self.oracle))
        margins: list[Tensor] = []
        for start in range(0, len(owners), size):
            mine, here = owners[start : start + size], moves[start : start + size]
            answer = self.oracle[mine.to(self.oracle.x.device)](here.to(self.oracle.x.device))
            margin, broken = answer.margin.double().cpu(), answer.broken.cpu()
            for k, row in enumerate(mine.tolist()):
                self.best.offer(torch.tensor([row]), here[k : k + 1], margin[k : k + 1], broken[k : k + 1])
            margins.append(margin)
        if not booked:
            for row in owners.tolist():
                self.asked[row] += 1
        return torch.cat(margins)
