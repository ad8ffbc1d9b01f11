"""Many moves of each example asked about together, under one budget of questions for each."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from shiftproof.oracle import Answer, Oracle
from shiftproof.searches.abstract import Search
from shiftproof.shifts.abstract import Params, Shift
from shiftproof.shifts.edits import UNUSED, Edit, Edits
from shiftproof.shifts.on import edited_rows, edits_in

AT_ONCE = 16
"""Candidates of one example in a round: an example is looked at again after so many, whatever the batch, so that what is spent on it does
not depend on the others."""
Candidates = Iterator[list[Edit]]
Climbed = Callable[[Answer], Tensor]
"""How wrong the model is by an answer, shape (n,)."""


def margin_of(answer: Answer) -> Tensor:
    """The margin."""
    return answer.margin


def minus_probability(answer: Answer) -> Tensor:
    """The probability of the label, negative; for models that give scores."""
    return answer.value(_minus_softmax)


def _minus_softmax(scores: Tensor, y: Tensor) -> Tensor:
    return -scores.double().softmax(1).gather(1, y[:, None])[:, 0]


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


def wide_params(edits: Sequence[list[Edit]]) -> Params:
    """Moves of any number of edits each, shape (n, most, 2), as wide as they must be: for questions, whatever the budget."""
    width = max(map(len, edits), default=1) or 1
    flat: list[float] = []
    for mine in edits:
        for pair in mine:
            flat += pair
        flat += (UNUSED,) * (2 * (width - len(mine)))
    return torch.from_numpy(np.array(flat, dtype=np.float64).reshape(len(edits), width, 2))


class Round:
    """The examples of a batch, what was asked about each, and the best move of each so far: one that breaks it, else of largest margin.

    Args:
        shift: makes edits, see `edits_in`.
        oracle: of the batch.
        x: its inputs.
        queries: questions about an example at most.
        climbed: what is taken of an answer as how wrong the model is, shape (n,).
    """

    def __init__(self, shift: Shift, oracle: Oracle, x: Any, queries: int, *, climbed: Climbed = margin_of) -> None:
        edits = edits_in(shift)
        assert edits is not None  # `objection` has said so
        self.edits: Edits = edits
        self.rows: Sequence[Any] = [*edited_rows(shift, x)]
        self.oracle, self.queries, self._climbed = oracle, queries, climbed
        n = len(self.rows)
        self._asked, self._broken, self._margin = [0] * n, [False] * n, [-math.inf] * n
        self._best: list[list[Edit]] = [[] for _ in range(n)]
        self._start: list[float] = []

    @property
    def best(self) -> Params:
        """The best moves, shape (n, edits, 2)."""
        return self.edits.params(self._best)

    def first(self) -> None:
        """Asks about every input as it is."""
        self._start = self._ask([(row, []) for row in range(len(self.rows))])

    def start(self, row: int) -> float:
        """How wrong the model is about an input as it is, once `first` has asked."""
        return self._start[row]

    def standing(self) -> list[int]:
        """The examples that are not broken and have questions left."""
        return [row for row, broken in enumerate(self._broken) if not broken and self._asked[row] < self.queries]

    def broken(self) -> list[int]:
        """The examples that are broken."""
        return [row for row, broken in enumerate(self._broken) if broken]

    def move(self, row: int) -> list[Edit]:
        """The best move of an example so far."""
        return self._best[row]

    def left(self, row: int) -> int:
        """The questions that may still be asked about an example."""
        return self.queries - self._asked[row]

    def shrink(self, moves: dict[int, list[Edit]]) -> None:
        """Asks about other moves of examples that are broken, one each, and takes those that break them too."""
        for row in moves:
            self._broken[row] = False
        before = {row: (self._best[row], self._margin[row]) for row in moves}
        self._ask([*moves.items()])
        for row, (best, margin) in before.items():
            if not self._broken[row]:
                self._best[row], self._margin[row], self._broken[row] = best, margin, True

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

    def probe(self, wanted: Mapping[int, Iterable[list[Edit]]]) -> dict[int, list[float]]:
        """How wrong the model is at moves outside the budget, while an example has questions left; they are paid and break nothing."""
        moves = {row: [*islice(probes, max(0, self.queries - self._asked[row]))] for row, probes in wanted.items()}
        flat = [(row, edits) for row, probes in moves.items() for edits in probes]
        found: dict[int, list[float]] = {row: [] for row in wanted}
        beyond, size = self.oracle.beyond(), max(1, len(self.oracle))
        for begin in range(0, len(flat), size):
            part = flat[begin : begin + size]
            rows = torch.tensor([row for row, _ in part], device=self.oracle.x.device)
            answer = beyond[rows](wide_params([edits for _, edits in part]).to(rows.device))
            for (row, _), climbed in zip(part, self._climbed(answer).double().tolist(), strict=True):
                self._asked[row] += 1
                found[row].append(climbed)
        return found

    def _ask(self, wanted: Sequence[tuple[int, list[Edit]]]) -> list[float]:
        """The margins of moves of the examples at these rows, in calls no larger than the batch."""
        size, margins = max(1, len(self.oracle)), list[float]()
        for start in range(0, len(wanted), size):
            part = wanted[start : start + size]
            rows = torch.tensor([row for row, _ in part], device=self.oracle.x.device)
            answer = self.oracle[rows](wide_params([edits for _, edits in part]).to(rows.device))
            found = self._climbed(answer).double().tolist()
            for (row, edits), margin, broken in zip(part, found, answer.broken.tolist(), strict=True):
                self._asked[row] += 1
                if not self._broken[row] and (broken or margin > self._margin[row]):
                    self._best[row], self._margin[row], self._broken[row] = edits, margin, broken
            margins += found
        return margins
