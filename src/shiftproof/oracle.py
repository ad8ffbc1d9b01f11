"""What a search may ask of the model, with every question counted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from shiftproof.losses import Loss, margin
from shiftproof.models.abstract import Gradients, Labels, Scores
from shiftproof.shifts.abstract import Params, Shift


@dataclass(frozen=True, eq=False)
class Answer:
    """The model's answer to one move per example: whether it is wrong, shape (n,)."""

    broken: Tensor
    _scores: Tensor | None = None
    _y: Tensor | None = None

    def __getitem__(self, rows: Tensor) -> Answer:
        """The answer for the examples at `rows` (indices or a mask)."""
        if self._scores is None or self._y is None:
            return Answer(self.broken[rows])
        return Answer(self.broken[rows], self._scores[rows], self._y[rows])

    @cached_property
    def margin(self) -> Tensor:
        """The best other score minus the label's, positive where wrong, shape (n,); 1 or -1 for models that give labels only.

        Infinite where the scores are not finite. Worked out when asked for: a verdict does not need it.
        """
        if self._scores is None or self._y is None:
            return self.broken.to(torch.float32) * 2 - 1
        return margin(self._scores, self._y).where(self._scores.isfinite().all(1), self._scores.new_tensor(torch.inf))


@dataclass
class Cost:
    """Forwards and backwards spent on each of n examples, whether any gradient was not zero, and how often it was seen broken."""

    forwards: Tensor
    backwards: Tensor
    sighted: Tensor
    seen_broken: Tensor

    @classmethod
    def of(cls, n: int) -> Cost:
        """Nothing spent yet."""
        return cls(*(torch.zeros(n, dtype=torch.int64) for _ in range(4)))


class Oracle:
    """The model seen through a shift, for some examples.

    A search sees neither the model nor the labels: it asks for moves, and pays. `oracle[rows]` asks about fewer examples, so a search
    drops those whose verdict is known.
    """

    def __init__(self, model: Labels, shift: Shift, x: Tensor, y: Tensor, cost: Cost, rows: Tensor | None = None) -> None:
        self._model, self._shift, self._cost = model, shift, cost
        self.x, self._y = x, y
        self._rows = torch.arange(len(x)) if rows is None else rows

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, rows: Tensor) -> Oracle:
        """The same oracle for the examples at `rows` (indices or a mask), shape (m,)."""
        return Oracle(self._model, self._shift, self.x[rows], self._y[rows], self._cost, self._rows[rows.cpu()])

    def __call__(self, params: Params) -> Answer:
        """The verdict on one move per example. Cost: one forward each."""
        self._cost.forwards[self._rows] += 1
        with torch.no_grad():
            moved = self._shift.apply(self.x, params)
            if isinstance(self._model, Scores):
                answer = judge(self._model.scores(moved), self._y)
            else:
                answer = Answer(self._model.labels(moved) != self._y)
        self._cost.seen_broken[self._rows] += answer.broken.cpu()
        return answer

    def gradient(self, params: Params, loss: Loss = margin) -> tuple[Answer, Tensor]:
        """The verdict, and the gradient of `loss` with respect to the params. Cost: one forward and one backward each.

        Only for searches whose `needs` is `Gradients`: the door has checked that the model gives them.
        """
        if not isinstance(self._model, Gradients):
            raise TypeError("A search asked for gradients without declaring needs = Gradients.")
        self._cost.forwards[self._rows] += 1
        self._cost.backwards[self._rows] += 1
        with torch.enable_grad():
            leaf = params.detach().requires_grad_()
            scores = self._model.scores(self._shift.apply(self.x, leaf))
            (gradient,) = torch.autograd.grad(loss(scores, self._y).sum(), leaf)
        if not bool(self._cost.sighted[self._rows].all()):
            self._cost.sighted[self._rows] += (gradient.flatten(1) != 0).any(1).cpu()
        answer = judge(scores.detach(), self._y)
        self._cost.seen_broken[self._rows] += answer.broken.cpu()
        return answer, gradient


def judge(scores: Tensor, y: Tensor) -> Answer:
    """The verdict on scores of shape (n, classes). A score that is not finite is wrong: the model gave no usable answer."""
    # The decision is argmax, as the model itself would say it; on a tie the margin is 0 and argmax decides.
    return Answer((scores.argmax(1) != y) | ~scores.sum(1).isfinite(), scores, y)
