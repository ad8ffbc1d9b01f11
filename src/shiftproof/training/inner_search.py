"""The inner problem of training: a search over a shift, asked for the worst move and not for the first failure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from shiftproof._errors import UsageError
from shiftproof.door import refuse
from shiftproof.losses import Loss, cross_entropy
from shiftproof.models.abstract import Gradients
from shiftproof.models.torch_module import TorchModule
from shiftproof.oracle import Answer, Cost, Oracle
from shiftproof.randomness import Rng
from shiftproof.searches.abstract import Search
from shiftproof.shifts.abstract import Params, Shift

Objective = Callable[[Tensor], Tensor]
"""Scores (n, classes) to what the search climbs in place of its own loss, shape (n,)."""


class Value(Answer):
    """An answer that is never a failure: a search goes on to its last step, and keeps the move of largest value."""

    def __init__(self, value: Tensor) -> None:
        super().__init__(torch.zeros_like(value, dtype=torch.bool))
        self.__dict__["margin"] = value

    def __getitem__(self, rows: Tensor) -> Value:
        return Value(self.margin[rows])


class Lesson(Oracle):
    """The oracle of training. A kept failure would make it training on the first failure met, which is another method."""

    objective: Objective | None = None

    def __getitem__(self, rows: Tensor) -> Lesson:
        some = super().__getitem__(rows)
        if self.objective is not None and len(some) != len(self):
            raise UsageError(
                "This method's objective speaks of whole batches: use a search that drops no example, such as gradient_ascent."
            )
        lesson = Lesson(some._model, some._shift, some.x, some._y, some._cost, some._rows, draws=some._draws)
        lesson.objective = self.objective
        return lesson

    def __call__(self, params: Params) -> Value:
        with torch.no_grad():
            scores = self._model.scores(self._shift.apply(self.x, params))  # type: ignore[attr-defined]  # `worst` gives a torch module
        return Value(self._value(scores))

    def gradients(self, params: Params, losses: Sequence[Loss]) -> tuple[Value, list[Tensor], list[Tensor]]:
        if self.objective is None:
            climbed: Sequence[Loss] = [fused if loss is cross_entropy else loss for loss in losses]
        else:
            climbed = [lambda scores, _: self._value(scores)] * len(losses)
        values, gradients = self._pass(self._model, params, climbed, [])  # type: ignore[arg-type]
        return Value(values[0]), values, gradients

    def gradient(self, params: Params, loss: Loss | None = None) -> tuple[Value, Tensor]:
        answer, _, gradients = self.gradients(params, () if loss is None else (loss,))
        return answer, gradients[0]

    def _value(self, scores: Tensor) -> Tensor:
        return self._judged(scores).margin if self.objective is None else self.objective(scores)


def fused(scores: Tensor, y: Tensor) -> Tensor:
    """The cross-entropy in one kernel, shape (n,); in double, so that its gradient keeps its direction up to score differences of 36.

    `losses.cross_entropy` keeps it beyond, for verdicts, by many small ones.
    """
    return F.cross_entropy(scores.double(), y, reduction="none").to(scores.dtype)


@contextmanager
def evaluating(net: nn.Module) -> Iterator[None]:
    """All of the network in evaluation mode for a while, and each part in its own mode again afterwards."""
    training = [part for part in net.modules() if part.training]
    for part in training:
        part.training = False
    try:
        yield
    finally:
        for part in training:
            part.training = True


def worst(
    net: nn.Module | Gradients,
    shift: Shift,
    search: Search,
    *,
    x: Tensor,
    y: Tensor,
    rng: Rng,
    objective: Objective | None = None,
) -> Tensor:
    """The inputs moved inside `shift` as `search` chooses against the network in evaluation mode, shape of x, without a gradient.

    Gradient searches that drop what breaks are never told that something broke, so the last step counts. Moves are projected at the end.
    """
    model = net if isinstance(net, Gradients) else TorchModule(net, name="net", device=x.device)
    lesson = Lesson(model, shift, x, y, Cost.of(len(x)))
    lesson.objective = objective
    with torch.no_grad(), nullcontext() if isinstance(net, Gradients) else evaluating(net):
        params = shift.project(x, search(shift, lesson, x, rng))
        return shift.apply(x, params).detach()


def check_inner(shift: Shift, search: Search) -> None:
    """Raises `UsageError` where this search cannot climb in this shift."""
    refuse(TorchModule(nn.Identity(), name="net"), shift, search)
