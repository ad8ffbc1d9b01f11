"""The base class of searches: how a move is chosen inside a shift, at random for the average case or by an adversary for the worst."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, final

import torch
from torch import Tensor

from shiftproof._part import Part
from shiftproof.models.abstract import Access, Answers
from shiftproof.oracle import Answer, Oracle
from shiftproof.outcomes import Bound
from shiftproof.randomness import Rng
from shiftproof.searches._standing import turns
from shiftproof.shifts.abstract import Differentiable, Params, Shift, gradient_objection

if TYPE_CHECKING:
    from shiftproof.judges.abstract import Judge


@dataclass(frozen=True)
class Search(Part):
    """A way to choose one move per example.

    `confront` does not trust its result: moves are checked against the budget, projected and scored again.
    """

    needs: ClassVar[Access] = Answers
    """The least that the model must give."""
    of_classes: ClassVar[bool] = False
    """Whether it speaks of classes (targets, rivals, decisions near a boundary), so that only classes can be judged."""
    supports: ClassVar[tuple[type[Shift], ...]] = (Shift,)
    """The kinds of shift that it can search."""
    instead: ClassVar[str] = ""
    """The searches to use for others."""
    bound: ClassVar[Bound] = Bound.AT_MOST
    """What accuracy under this search claims: a worst case is an upper bound, one random draw an estimate of the average."""

    pools: ClassVar[bool] = False
    """Whether it cuts its examples into calls by itself (`oracle.capacity`), so that it may be handed more than fit into one."""

    proves: ClassVar[bool] = False
    """Whether it may try every move of an example, see `proven`."""

    @property
    def verdict_draws(self) -> int:
        """Passes whose mean the door judges by: more than one for searches that average over a random model."""
        return 1

    def matched(self, model: Any) -> Search:
        """The search as it should be run on this model: itself, unless it has versions for what models give or are made of."""
        return self

    def averaged(self) -> Search:
        """The search as it should be run on a random model: itself, unless it then repeats each query."""
        return self

    @property
    def copied_in(self) -> str:
        """The precision of the faster copy of the model that it asks; "" where it asks the model."""
        return ""

    def on_a_copy(self, precision: str) -> Search:
        """The search on a faster copy of the model, where it knows one; else itself."""
        del precision
        return self

    @final
    def objection(self, shift: Shift) -> str | None:
        """Why it cannot search this shift, as half a sentence; None where it can."""
        refused = gradient_objection(shift) if Differentiable in self.supports else None
        if not refused and not isinstance(shift, self.supports):
            refused = f"it supports {' and '.join(kind.name for kind in self.supports)}, not {shift.name}: use {self.instead}"
        if not refused and shift.fixed and self.bound is Bound.AT_MOST:
            refused = f"{shift.name} has only one move, so there is nothing to search: use one_draw"
        return refused or self.unsupported(shift)

    def unsupported(self, shift: Shift) -> str | None:
        """Why it cannot search this one of the shifts that it supports, as half a sentence; None where it can."""
        return None

    def proven(self, shift: Shift, x: Any) -> Tensor:
        """Of which of n inputs it tries every move, shape (n,): one that holds is then certified, unless the model is random."""
        return torch.zeros(len(x), dtype=torch.bool)

    @abstractmethod
    def most_passes(self, shift: Shift) -> int:
        """The most forwards and backwards together that it spends on an example of this shift; progress bars go by it."""

    @abstractmethod
    def __call__(self, shift: Shift, oracle: Oracle, x: Any, rng: Rng) -> Params:
        """The chosen moves for n inputs x, one row each. Drops examples whose verdict is known."""


class AdaptsSearch(ABC):
    """A model that adapts searches to itself, such as a defended one; inherited beside `Labels`."""

    @abstractmethod
    def suited(self, search: Search) -> Search:
        """The search as it should be run on this model; idempotent."""


def suited(search: Search, model: Answers) -> Search:
    """The search as it should be run on a model: matched to what it provides, and to its defence."""
    search = search.matched(model)
    return model.suited(search) if isinstance(model, AdaptsSearch) else search


def judged_objection(search: Search, judge: Judge) -> str | None:
    """Why the search cannot be used with this judge, as half a sentence; None where it can."""
    if search.of_classes and judge.said != "classes":
        return f"it searches among classes, and the judge {judge.name} knows none: use gradient_ascent, evolution or best_of_n"
    return None


class Incumbent:
    """The best move found so far for each of n examples, and who is still standing.

    Search code works on the standing examples only; `rows` are their positions in the batch.
    """

    def __init__(self, params: Params) -> None:
        self.params = params.clone()
        self.margin = torch.full((len(params),), -torch.inf, device=params.device)
        self.broken = torch.zeros(len(params), dtype=torch.bool, device=params.device)

    def update(self, rows: Tensor, params: Params, answer: Answer) -> Tensor:
        """Keeps, for each of the examples at `rows`, the move with the larger margin, or the first that breaks it. Whether it did, (m,)."""
        return self.offer(rows, params, answer.margin, answer.broken)

    def offer(self, rows: Tensor, params: Params, margin: Tensor, broken: Tensor) -> Tensor:
        """The same, from the margins and verdicts, each of shape (m,)."""
        better = ((margin > self.margin[rows]) | broken) & ~self.broken[rows]
        hit = better.nonzero()[:, 0]
        if len(hit):  # most steps of a search bring nothing
            at = rows[hit]
            self.params[at], self.margin[at] = params[hit], margin[hit].to(self.margin)
            self.broken[at] = broken[hit]
        return better

    def done(self, rows: Tensor) -> Tensor:
        """Which of the examples at `rows` are broken, shape (m,)."""
        return self.broken[rows]

    def settle(self, rows: Tensor, params: Params) -> None:
        """Keeps, for those of the examples at `rows` that no move has broken yet, this move, which was not scored."""
        open_ = ~self.broken[rows]
        self.params[rows[open_]] = params[open_]

    def standing(self) -> Tensor:
        """Positions of the examples that no move has broken yet."""
        return (~self.broken).nonzero()[:, 0]


class CopiedIncumbent:
    """The best moves of examples that are searched several times side by side: copy i is of the example at `rows[i]`."""

    def __init__(self, best: Incumbent, rows: Tensor) -> None:
        self._best, self._rows = best, rows

    def offer(self, copies: Tensor, params: Params, margin: Tensor, broken: Tensor) -> None:
        """As of `Incumbent`, the copies of an example one after the other."""
        for part in turns(self._rows[copies]):
            self._best.offer(self._rows[copies[part]], params[part], margin[part], broken[part])

    def done(self, copies: Tensor) -> Tensor:
        """Which of the copies are of an example that is broken, shape (m,)."""
        return self._best.broken[self._rows[copies]]
