"""The inner problem of training: a search over a shift, asked for the worst move and not for the first failure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from shiftproof._errors import UsageError
from shiftproof.door import refuse
from shiftproof.judges.abstract import Units, as_given
from shiftproof.judges.classify import Classify
from shiftproof.losses import Loss, cross_entropy
from shiftproof.models.abstract import Gradients
from shiftproof.models.query_count import unasked
from shiftproof.models.torch_module import TorchModule
from shiftproof.oracle import Answer, Cost, Oracle
from shiftproof.randomness import Rng
from shiftproof.searches.abstract import Search
from shiftproof.shifts.abstract import Shift

InnerObjective = Callable[[Tensor], Tensor]
"""Scores (n, classes) to what the search climbs in place of its own loss, shape (n,)."""


@dataclass(frozen=True)
class InnerProblem(Classify):
    """What the search of a training step climbs: the method's own objective of `rows` examples, or the loss that the search asks for."""

    objective: InnerObjective | None = None
    rows: int = 0

    def climbed(self, loss: Loss, goal: Tensor | None = None) -> Loss:
        if self.objective is None:
            return fused if loss is cross_entropy else loss
        return lambda scores, _: self._value(scores)

    def verdict(self, said: Sequence[Tensor], y: Tensor, goal: Tensor | None = None, units: Units = as_given) -> Answer:
        answer = super().verdict(said, y, goal, units)
        return answer if self.objective is None else replace(answer, _margin=self._value(said[0]))

    def _value(self, scores: Tensor) -> Tensor:
        assert self.objective is not None  # else it is not asked for
        if len(scores) != self.rows:
            raise UsageError(
                "This method's objective speaks of whole batches: use a search that drops no example, such as gradient_ascent."
            )
        return self.objective(scores)


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
    objective: InnerObjective | None = None,
) -> Tensor:
    """The inputs moved inside `shift` as `search` chooses against the network in evaluation mode, shape of x, without a gradient.

    Gradient searches that drop what breaks are never told that something broke, so the last step counts. Moves are projected at the end.
    """
    model = net if isinstance(net, Gradients) else TorchModule(net, name="net", device=x.device)
    judge = InnerProblem(objective=objective, rows=len(x))
    oracle = Oracle(model, shift, x, y, Cost.of(len(x)), judge=judge).to_the_end()
    with torch.no_grad(), unasked(), nullcontext() if isinstance(net, Gradients) else evaluating(net):
        params = shift.project(x, search(shift, oracle, x, rng))
        moved: Tensor = shift.apply(x, params).detach()
    return moved


def check_inner(shift: Shift, search: Search) -> None:
    """Raises `UsageError` where this search cannot climb in this shift."""
    refuse(TorchModule(nn.Identity(), name="net"), shift, search)
