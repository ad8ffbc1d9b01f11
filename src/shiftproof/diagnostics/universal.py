"""Universal perturbations: does one move, found on some examples, break others?"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from shiftproof import outcomes
from shiftproof._errors import UsageError, must
from shiftproof.data.examples import Examples
from shiftproof.data.space import InputSpace
from shiftproof.door import confront
from shiftproof.finding import Finding
from shiftproof.losses import loss_named
from shiftproof.models.abstract import Gradients, Labels, access_name
from shiftproof.models.query_count import counting_queries
from shiftproof.oracle import Cost, Oracle
from shiftproof.outcomes import Flag
from shiftproof.preflight import look_at
from shiftproof.randomness import Rng
from shiftproof.searches.abstract import Search
from shiftproof.shifts.abstract import Params, Shift
from shiftproof.shifts.norms.ball import Ball

REFERENCES: tuple[str, ...] = (
    "moosavi2017universal",
    "shafahi2020universal",
)


@dataclass(frozen=True, eq=False)
class UniversalFinding:
    """One move and what it does.

    Args:
        move: shape (1, ...), in the units of the inputs.
        found_on: what it does to the examples that it was found on, where it looks better than it is.
        held_out: what it does to the others: an honest estimate for new examples from the same source.
        sent: rows that reached the model for all of it.
    """

    move: Tensor
    found_on: Finding
    held_out: Finding
    sent: int = 0

    @property
    def fooled(self) -> float:
        """The share of held-out examples, right before, that the move breaks; NaN where none was right."""
        right = self.held_out.outcome != outcomes.SKIPPED
        return float((self.held_out.outcome == outcomes.BROKEN)[right].mean()) if right.any() else float("nan")

    def __str__(self) -> str:
        return f"One move breaks {self.fooled:.1%} of the held-out examples; accuracy there falls to {self.held_out.accuracy:.1%}."


def universal(
    model: Labels,
    shift: Shift,
    *,
    examples: Examples,
    share: float = 0.5,
    passes: int = 10,
    step_size: float = 0.1,
    loss: str = "margin",
    seed: int = 0,
    batch_size: int = 64,
) -> UniversalFinding:
    """One move of a norm ball that breaks as many examples as it can, found on a part of them and measured on the rest.

    m <- project(m + step * steepest(mean gradient of min(loss, 0) over a batch))

    It is a function and no search: a search chooses a move for each example by itself, whatever its batch, and here all choose together.
    Under the margin and dlr, examples that the move breaks already have no more gradient, so that it turns to the others.

    Args:
        model: gives gradients.
        shift: a norm ball; the move may be of its size, and is cut to each input's box when applied.
        examples: n labelled inputs of one shape, in no order that means anything.
        share: of the examples that the move is found on, in (0, 1); which ones is drawn by `seed`.
        passes: times that each of them is seen, at least 1.
        step_size: of a step as a share of the radius, in (0, 1], shrinking linearly to 0.
        loss: "margin", "cross_entropy" or "dlr".
        seed: the whole source of randomness.
        batch_size: examples a step. It is part of the method here: another one finds another move.

    Raises:
        UsageError: the model has no gradients, the shift is not a norm ball, or there are fewer than 2 examples.

    Cost: `passes` forwards and backwards for each example of the first part, and two forwards for each example.

    Example:
        >>> import torch, shiftproof as sp
        >>> model = sp.as_model(torch.nn.Linear(4, 2), name="linear")
        >>> x = torch.rand(40, 4)
        >>> found = universal(model, sp.Linf(0.3), examples=sp.examples(x, model.labels(x)))
        >>> tuple(found.move.shape), len(found.held_out)
        ((1, 4), 20)

    Reference: Moosavi-Dezfooli et al. 2017, "Universal adversarial perturbations"; by the ascent of Shafahi et al. 2020.
    """
    for name, value in (("share", share), ("step_size", step_size)):
        if not (0 < value < 1 or (name == "step_size" and value == 1)):
            raise must(name, "universal", "be in (0, 1)" if name == "share" else "be in (0, 1]", value)
    for name, count in (("passes", passes), ("batch_size", batch_size)):
        if count < 1:
            raise must(name, "universal", "be at least 1", count)
    with counting_queries() as queries:
        ball, model, flags = _ready(model, shift.within(examples.space), examples)
        seen, unseen = _parts(examples, share, seed)
        move = _found(model, ball, seen, passes, step_size, loss, batch_size, seed)
        found_on, held_out = (confront(model, ball, search=_SharedMoveSearch(move), examples=part, flags=flags) for part in (seen, unseen))
    return UniversalFinding(move, found_on, held_out, queries.sent)


def _parts(examples: Examples, share: float, seed: int) -> tuple[Examples, Examples]:
    """The examples that the move is found on, and the others."""
    order = Rng.for_ids(seed, examples.ids).child("universal").uniform(1)[:, 0].argsort(stable=True).numpy()
    cut = min(max(1, round(share * len(examples))), len(examples) - 1)
    return examples[np.sort(order[:cut])], examples[np.sort(order[cut:])]


def _ready(model: Labels, shift: Shift, examples: Examples) -> tuple[Ball, Gradients, list[Flag]]:
    model, flags = look_at(model, examples) if len(examples) else (model, [])
    if not isinstance(model, Gradients):
        raise UsageError(f"A universal move needs gradients, and the model '{model.name}' provides {access_name(type(model))} only.")
    if not isinstance(shift, Ball):
        raise UsageError(f"A universal move needs a norm ball (linf, l2, l1, l0), got {shift.name}.")
    if len(examples) < 2:
        raise must("examples", "universal", "be at least 2: some to find the move on, others to measure it", len(examples))
    return shift, model, flags


def _found(model: Gradients, ball: Ball, seen: Examples, passes: int, step_size: float, loss: str, batch_size: int, seed: int) -> Tensor:
    plain = loss_named(loss)
    most = math.inf if loss == "cross_entropy" else 0.0

    def objective(scores: Tensor, labels: Tensor) -> Tensor:
        return plain(scores, labels).clamp_max(most)

    x, y = seen.x.to(model.device), seen.y.to(model.device)
    move = torch.zeros_like(x[:1])
    centre, wide = _open(ball, move)
    batches: list[npt.NDArray[np.intp]] = []
    for one in range(passes):
        order = Rng.for_ids(seed, seen.ids).child("universal", "pass", one).uniform(1)[:, 0].argsort(stable=True).numpy()
        batches += [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    for step, rows in enumerate(batches):
        oracle = Oracle(model, ball, x[rows], y[rows], Cost.of(len(rows)))
        params = move.expand(len(rows), *move.shape[1:])
        gradient = oracle.gradient(
            params, lambda scores, labels: objective(scores, labels).clamp_max(0 if loss == "margin" else torch.inf)
        )[1]
        move = ball.ascend(move, gradient.mean(0, keepdim=True), step_size * (1 - step / len(batches)))
        move = wide.project(centre, move)
    return move


def _open(ball: Ball, move: Tensor) -> tuple[Tensor, Ball]:
    """A middle with room for every move on all sides, and the ball around it: each input's own box cuts the move when it is applied."""
    space = ball.space
    if space.columns:
        return move.new_tensor([[(column.low + column.high) / 2 for column in space.columns]]), ball
    width = space.high - space.low
    return torch.zeros_like(move), replace(ball, space=InputSpace(-width, width, space.kind), levels=0)


@dataclass(frozen=True)
class _SharedMoveSearch(Search):
    """The same move for every example, put into each one's box."""

    name: ClassVar[str] = "universal"

    move: Tensor = field(default_factory=lambda: torch.zeros(0))

    def most_passes(self, shift: Shift) -> int:
        return 0

    def __call__(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Params:
        return shift.project(x, self.move.to(x).expand(x.shape))
