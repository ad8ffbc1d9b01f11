"""Many moves of each example asked about together, under one budget of questions for each."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch

from shiftproof.oracle import Oracle
from shiftproof.searches.abstract import Search
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

    def unsupported(self, shift: Shift) -> str | None:
        if edits_in(shift) is None:
            return f"{shift.name} makes no edits: use best_of_n or evolution"
        return None

    def most_passes(self, shift: Shift) -> int:
        return self.queries


class Round:
    """The examples of a batch, what was asked about each, and the best move of each so far: one that breaks it, else of largest margin.

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
        n = len(self.rows)
        self._asked, self._broken, self._margin = [0] * n, [False] * n, [-math.inf] * n
        self._best: list[list[Edit]] = [[] for _ in range(n)]

    @property
    def best(self) -> Params:
        """The best moves, shape (n, edits, 2)."""
        return self.edits.params(self._best)

    def first(self) -> None:
        """Asks about every input as it is."""
        self._ask([(row, []) for row in range(len(self.rows))])

    def standing(self) -> list[int]:
        """The examples that are not broken and have questions left."""
        return [row for row, broken in enumerate(self._broken) if not broken and self._asked[row] < self.queries]

    def each(self, candidates: dict[int, Candidates]) -> Iterator[tuple[int, list[Edit], float]]:
        """Asks about candidates of each example until one breaks it, they end or the budget does; gives what was asked with its margin."""
        left = dict(candidates)
        while left:
            wanted: list[tuple[int, list[Edit]]] = []
            for row, more in list(left.items()):
                few = list(islice(more, max(0, min(AT_ONCE, self.queries - self._asked[row]))))
                wanted += [(row, edits) for edits in few]
                if len(few) < AT_ONCE:
                    del left[row]
            margins = self._ask(wanted)
            yield from ((row, edits, margin) for (row, edits), margin in zip(wanted, margins, strict=True))
            left = {row: more for row, more in left.items() if not self._broken[row]}

    def _ask(self, wanted: Sequence[tuple[int, list[Edit]]]) -> list[float]:
        """The margins of moves of the examples at these rows, in calls no larger than the batch."""
        size, margins = max(1, len(self.oracle)), list[float]()
        for start in range(0, len(wanted), size):
            part = wanted[start : start + size]
            rows = torch.tensor([row for row, _ in part], device=self.oracle.x.device)
            answer = self.oracle[rows](self.edits.params([edits for _, edits in part]).to(rows.device))
            found = answer.margin.double().tolist()
            for (row, edits), margin, broken in zip(part, found, answer.broken.tolist(), strict=True):
                self._asked[row] += 1
                if not self._broken[row] and (broken or margin > self._margin[row]):
                    self._best[row], self._margin[row], self._broken[row] = edits, margin, broken
            margins += found
        return margins
