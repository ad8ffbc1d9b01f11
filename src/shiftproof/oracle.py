"""What a search may ask of the model, with every question counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from shiftproof._cost import UNSEEN, Cost, SearchCheckpoint, SearchState, exponent_of
from shiftproof._errors import UsageError
from shiftproof.certificates.abstract import Certificate
from shiftproof.data.examples import Ids
from shiftproof.judges.abstract import Answer, Judge
from shiftproof.judges.asked import ask
from shiftproof.judges.classify import CLASSIFY, mean_scores
from shiftproof.judges.classify import of_scores as judge
from shiftproof.losses import Loss, margin
from shiftproof.models.abstract import Access, Answers, Gradients, Labels
from shiftproof.models.copy_precisions import CopyPrecision
from shiftproof.models.query_count import count_asked
from shiftproof.outcomes import Stage
from shiftproof.randomness import Rng
from shiftproof.shifts.abstract import Params, Shift

COMPARED = 16
"""Inputs on which a faster copy is compared with its model."""
__all__ = ["Answer", "Cost", "Oracle", "SearchCheckpoint", "SearchState", "judge", "mean_scores"]


class Oracle:
    """The model seen through a shift, for some examples.

    A search sees neither the model nor the labels: it asks for moves, and pays. `oracle[rows]` asks about fewer examples, so a search
    drops those whose verdict is known. A call holds all examples of the oracle; `capacity` says how many it should at most.
    """

    _kept: tuple[SearchCheckpoint, Ids] | None = None
    _all_sighted = False
    _plain = False
    """Whether the scores of all these examples are known to be taken as they are."""

    def __init__(
        self,
        model: Answers,
        shift: Shift,
        x: Any,
        y: Any,
        cost: Cost,
        rows: Tensor | None = None,
        *,
        draws: int = 1,
        held: bool = True,
        goal: Tensor | None = None,
        judge: Judge = CLASSIFY,
        stops: bool = True,
        capacity: int | None = None,
        fast: Gradients | None = None,
    ) -> None:
        self._model, self._shift, self._cost, self._judge = model, shift, cost, judge
        self._fast = fast
        self.x, self._y = x, y
        every = torch.arange(len(cost.forwards))
        self._rows = every if rows is None else rows
        self._whole = rows is None or torch.equal(rows, every)
        self._draws, self._held, self._goal, self._stops = draws, held, goal, stops
        self.capacity = capacity or max(1, len(x))

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, rows: Tensor) -> Oracle:
        """The same oracle for the examples at `rows` (indices or a mask), shape (m,). An example may be there several times."""
        goal = None if self._goal is None else self._goal[rows]
        mine = (self.x[rows], self._y[rows], self._cost, self._rows[rows.cpu()])
        part = Oracle(self._model, self._shift, *mine, **{**self._settings(), "goal": goal})
        part._plain = self._plain
        return part

    def averaged(self, draws: int) -> Oracle:
        """The same oracle, that asks a random model `draws` times each time.

        Verdicts are those of the mean probabilities (the majority, where there are labels only); values and gradients of a loss are means.
        """
        return self._like(draws=self._draws * draws)

    def on_a_copy(self, precision: CopyPrecision) -> Oracle:
        """The same oracle, that asks a faster copy of the model (`FastCopy`); proofs are of the model.

        Raises:
            UsageError: there is none, or it decides otherwise than the model.
        """
        from shiftproof.models.fast_copy import fast_copy  # late, as few searches ask for it

        fast = fast_copy(self._model, precision)
        fast.check(self.x[:COMPARED])
        return self._like(fast=fast)

    def toward(self, goal: Tensor) -> Oracle:
        """The same oracle, to which an example is broken exactly where the model decides for the class `goal`, shape (n,).

        Any search becomes a targeted one: it sees a model of two classes, the best of all others (the label) and the goal.
        """
        return self._like(goal=goal)

    def differs(self, goal: Tensor) -> Tensor:
        """Whether each example's label is another class than `goal`, shape (n,): else it cannot be driven there."""
        y: Tensor = self._y
        return goal != y

    def gives(self, access: Access) -> bool:
        """Whether the model gives at least this."""
        return issubclass(self._judge.gives(self._model), access)

    def proven(self, certificate: Certificate, rng: Rng) -> Tensor:
        """Which examples the certificate proves against every move of the shift, shape (n,); none where it does not support the model.

        Cost: what it asks for, in forwards.
        """
        none = torch.zeros(len(self), dtype=torch.bool, device=self.x.device)
        if not len(self) or self._draws > 1 or certificate.confidence < 1 or not isinstance(self._model, Labels):
            return none
        if certificate.objection(self._model, self._shift):
            return none
        try:
            with torch.no_grad():
                proof = certificate.certify(self._model, self._shift, self.x, rng)
        except UsageError:  # known only once it is read: then it cannot speak either
            return none
        self._book(self._cost.forwards, proof.forwards.cpu())
        count_asked(int(proof.forwards.sum()))
        return (proof.radius.to(none.device) >= self._shift.full_strength) & ~proof.abstained.to(none.device)

    @property
    def sighted(self) -> Tensor:
        """Which examples ever had a gradient that was not zero, shape (n,)."""
        return self._cost.sighted[self._rows] > 0

    @property
    def unanswered(self) -> Tensor:
        """Of which examples a question stayed without an answer, shape (n,), on the CPU."""
        return self._cost.unanswered[self._rows] > 0

    def _like(self, **changed: Any) -> Oracle:
        other = Oracle(self._model, self._shift, self.x, self._y, self._cost, self._rows, **{**self._settings(), **changed})
        other._kept, other._plain = self._kept, self._plain
        return other

    def _settings(self) -> dict[str, Any]:
        return {
            "draws": self._draws,
            "held": self._held,
            "goal": self._goal,
            "judge": self._judge,
            "stops": self._stops,
            "capacity": self.capacity,
            "fast": self._fast,
        }

    def to_the_end(self) -> Oracle:
        """The same oracle, that never says that an example is broken: a search then goes on to its last step, for the largest loss.

        The margin of an answer with gradients is the value of the loss that was climbed. Searches for least moves, which must know what
        breaks, go on beyond the first move inside the budget.
        """
        return self._like(held=False, stops=False)

    @property
    def stops(self) -> bool:
        """Whether an example is done with once it is broken."""
        return self._stops

    def kept_by(self, checkpoint: SearchCheckpoint, ids: Ids) -> Oracle:
        """The same oracle, whose search may write down where it stands; `ids` name the whole batch."""
        other = self._like()
        other._kept = (checkpoint, ids)
        return other

    def keep(self, tensors: Mapping[str, Tensor], notes: Mapping[str, Any]) -> None:
        """Writes down where the search of all these examples stands, what was spent with it. Parts of a batch keep nothing."""
        if self._kept:
            checkpoint, ids = self._kept
            spent = {f"cost.{name}": getattr(self._cost, name) for name in _COUNTS}
            stages = [asdict(stage) for stage in self._cost.stages]
            checkpoint.save(ids, SearchState({**tensors, **spent, "rows": self._rows}, {**notes, "cost.stages": stages}))

    def kept(self) -> SearchState | None:
        """What `keep` wrote in an earlier run, with what was spent then put back on the account; None where nothing was."""
        state = self._kept and self._kept[0].load(self._kept[1])
        if not state or not torch.equal(state.tensors["rows"], self._rows):  # of a random model, others may be right this time
            return None
        for name in _COUNTS:
            getattr(self._cost, name).copy_(state.tensors[f"cost.{name}"])
        self._cost.stages[:] = [Stage(**stage) for stage in state.notes["cost.stages"]]
        return state

    def spent(self) -> tuple[int, int]:
        """Forwards and backwards so far, over all examples of the batch together."""
        return int(self._cost.forwards.sum()), int(self._cost.backwards.sum())

    def report(self, stage: Stage) -> None:
        """Books a part of the search for the finding."""
        self._cost.stages.append(stage)

    def beyond(self) -> Oracle:
        """The same oracle, that may be asked about moves outside the budget: it says what breaks, and that need not be returned."""
        return self._like(held=False, stops=True)

    def facing(self, model: Answers) -> Oracle:
        """The same examples put to another model, whose passes are no cost of this one and are not counted."""
        return Oracle(model, self._shift, self.x, self._y, Cost.of(len(self.x)), goal=self._goal, judge=self._judge, capacity=self.capacity)

    def __call__(self, params: Params) -> Answer:
        """The verdict on one move per example. Cost: one forward each."""
        self._pay(self._draws, 0)
        with torch.no_grad():
            answer = self._answer(params)
        return answer if self._stops else answer.unfinished()

    def _answer(self, params: Params) -> Answer:
        """The verdict. An example to which no answer came is broken to the search, which leaves it, and is not asked about again."""
        silent = self.unanswered
        if bool(silent.any()):
            open_ = (~silent).to(params.device)
            return (self[open_]._answer(params[open_]) if bool(open_.any()) else Answer(open_[open_])).spread(open_)
        said, came = ask(self._judge, self._fast or self._model, self._shift.apply(self.x, params), self._draws)
        if came is None:
            return self._judged(said, params)
        self._book(self._cost.unanswered, (~came).long())
        there = came.to(params.device)
        return (self[there]._judged(said, params[there]) if said else Answer(there[there])).spread(there)

    def _judged(self, said: Sequence[Any], params: Params) -> Answer:
        """The verdict, booked; its margins and losses are of scores in the units that losses see."""
        return self._seen(self._judge.verdict(said, self._truth(params), self._goal, self._in_units))

    def _truth(self, params: Params) -> Any:
        return self._shift.carry(self.x, self._y, params)

    def _in_units(self, scores: Tensor) -> Tensor:
        """The scores as losses see them: times a power of two where they lie so close together, or so far apart, that losses are blind.

        Each example has its own, found at its first answer. No decision changes by it, and no digit of a score.
        """
        if self._plain:
            return scores
        known = self._cost.exponent[self._rows]
        new = known == UNSEEN
        if bool(new.any()):
            known = torch.where(new, exponent_of(scores.detach()).cpu(), known)
            # Of an example that is there several times, one exponent for all.
            self._cost.exponent.scatter_reduce_(0, self._rows, known, "amin", include_self=False)
            known = self._cost.exponent[self._rows]
        self._plain = not bool(known.any())
        if self._plain:
            return scores
        wide = scores if scores.dtype is torch.float64 else scores.float()
        return wide * torch.exp2(known.to(wide))[:, None]  # ldexp has no gradient for large exponents

    def gradient(self, params: Params, loss: Loss = margin) -> tuple[Answer, Tensor]:
        """The verdict, and the gradient of `loss` with respect to the params. Cost: one forward and one backward each.

        Only for searches whose `needs` is `Gradients`: the door has checked that the model gives them.
        """
        answer, _, gradients = self.gradients(params, (loss,))
        return answer, gradients[0]

    def gradients(self, params: Params, losses: Sequence[Loss]) -> tuple[Answer, list[Tensor], list[Tensor]]:
        """The verdict, and the value, shape (n,), and gradient, shape of params, of each of the losses.

        Cost: one forward each, and one backward each for every loss.
        """
        model = self._fast or self._model
        if not isinstance(model, Gradients):
            raise TypeError("A search asked for gradients without declaring needs = Gradients.")
        self._pay(self._draws, self._draws * len(losses))
        seen: list[Tensor] = []
        values, gradients = self._pass(model, params, losses, seen)
        for _ in range(1, self._draws):
            more = self._pass(model, params, losses, seen)
            # Not in place: a gradient may be one number that stands for all.
            values, gradients = (
                [total + one for total, one in zip(*both, strict=True)] for both in zip((values, gradients), more, strict=True)
            )
        if self._draws > 1:
            values, gradients = ([total / self._draws for total in totals] for totals in (values, gradients))
        if not self._all_sighted:
            for gradient in gradients:
                self._book(self._cost.sighted, (gradient.flatten(1) != 0).any(1).cpu())
            self._all_sighted = bool(self._cost.sighted[self._rows].all())
        if not self._stops:
            return Answer(torch.zeros(len(self), dtype=torch.bool, device=params.device), _margin=values[0]), values, gradients
        return self._judged(seen, params), values, gradients

    def _pass(self, model: Gradients, params: Params, losses: Sequence[Loss], seen: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """One forward, whose scores go into `seen`, and the value and gradient of each loss."""
        with torch.enable_grad():
            leaf = params.detach().requires_grad_()
            scores = model.scores(self._shift.apply(self.x, leaf))
            seen.append(scores.detach())
            scores = self._in_units(scores) if self._judge.said == "classes" else scores
            y = self._truth(leaf)
            values = [self._judge.climbed(loss, self._goal)(scores, y) for loss in losses]
            last = len(values) - 1
            # Of the sum: of many values torch wants a weight each, and loads its compiler to look at their shapes.
            gradients = [torch.autograd.grad(value.sum(), leaf, retain_graph=k < last)[0] for k, value in enumerate(values)]
        return [value.detach().to(self.x.dtype) for value in values], [self._usable(gradient) for gradient in gradients]

    def _usable(self, gradient: Tensor) -> Tensor:
        """The gradient, entries that are NaN or infinite at 0: a slope that is none says nothing about where to go."""
        if bool(gradient.sum().isfinite()):
            return gradient
        bad = ~gradient.isfinite()
        self._book(self._cost.spoiled, bad.flatten(1).any(1).cpu())
        return gradient.masked_fill(bad, 0.0)

    def _seen(self, answer: Answer) -> Answer:
        if self._held and bool(answer.broken.any()):
            self._book(self._cost.seen_broken, answer.broken.cpu())
        return answer

    def _pay(self, forwards: int, backwards: int) -> None:
        """Books passes for each of these examples."""
        count_asked(forwards * len(self))
        for account, passes in ((self._cost.forwards, forwards), (self._cost.backwards, backwards)):
            if passes:
                self._book(account, passes)

    def _book(self, account: Tensor, amount: Tensor | int) -> None:
        """Adds to the account of each of these examples, once for each time that it is among them."""
        if self._whole:  # without an index, as this is done at every step
            account += amount
        else:
            account.index_add_(0, self._rows, torch.as_tensor(amount).to(account).expand(len(self._rows)))


_COUNTS = ("forwards", "backwards", "sighted", "spoiled", "seen_broken", "exponent", "unanswered")
