"""The loop of `auto_step`: ascent with step sizes that adapt to the loss, for many examples at once."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof.losses import Loss
from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches._norms import column, with_room
from shiftproof.searches._standing import keep
from shiftproof.searches.abstract import CopiedIncumbent, Incumbent
from shiftproof.shifts.abstract import Differentiable, Params, Shift
from shiftproof.shifts.norms.l1 import L1

Goal = Callable[[Tensor], Loss]
"""Makes the loss for the examples at given rows of the batch."""
Best = Incumbent | CopiedIncumbent

_FIRST, _SHORTER, _LEAST = 0.22, 0.03, 0.06
"""The first stretch between two reviews, by how much each is shorter than the last, and the shortest: shares of the steps."""
_RISES = 0.75
"""A stretch in which the loss rose in at most this share of its steps halves the step size."""
_NEW = 0.75
"""The weight of the new step against that of the momentum."""
_WIDER = ((3.0, 0.3), (2.0, 0.3), (1.0, 0.4))
"""For L1: radii in units of eps, and the share of the steps spent in each."""


@dataclass
class AscentState:
    """What the loop knows of each of n examples, one row each; `top` is the point of largest loss so far."""

    rows: Tensor
    here: Oracle
    params: Params
    previous: Params
    gradient: Tensor
    value: Tensor
    top: Params
    top_gradient: Tensor
    top_value: Tensor
    top_margin: Tensor
    size: Tensor
    """Step size in units of the budget's radius."""
    rises: Tensor
    """Steps since the last review in which the loss rose."""
    reviewed: Tensor
    """`top_value` at the last review."""
    restarted: Tensor
    """Whether the last review went back to `top`."""

    def keep(self, mask: Tensor) -> None:
        """Drops the other examples."""
        vars(self).update({name: part[mask] for name, part in vars(self).items()})

    def observe(self, value: Tensor, margin: Tensor) -> None:
        """Takes in the loss at `params`."""
        self.rises += value > self.value
        self.value = value
        better = value > self.top_value
        if not bool(better.any()):
            return
        # Nothing is written in place: these tensors may be one and the same.
        if bool(better.all()):
            self.top, self.top_gradient, self.top_value, self.top_margin = self.params, self.gradient, value, margin
            return
        wide = column(better, self.params)
        self.top = torch.where(wide, self.params, self.top)
        self.top_gradient = torch.where(wide, self.gradient, self.top_gradient)
        self.top_value = torch.where(better, value, self.top_value)
        self.top_margin = torch.where(better, margin, self.top_margin)

    def go_back(self, mask: Tensor) -> None:
        """Puts these examples where their loss was largest."""
        wide = column(mask, self.params)
        self.params = torch.where(wide, self.top, self.params)
        self.gradient = torch.where(wide, self.top_gradient, self.gradient)


class HalvingSchedule:
    """The schedule of APGD: momentum, and at ever closer reviews half the step for those who do not get on."""

    first_size: ClassVar[float] = 2.0

    def __init__(self, shift: Differentiable, steps: int) -> None:
        self._shift = shift
        self._stretch = max(int(_FIRST * steps), 1)
        self._shorter, self._least = max(int(_SHORTER * steps), 1), max(int(_LEAST * steps), 1)
        self._passed = 0

    def ahead(self, state: AscentState, *, first: bool) -> Params:
        """The next point."""
        shift, x = self._shift, state.here.x
        ahead = shift.project(
            x, torch.lerp(state.params, shift.ascend(state.params, state.gradient, 1.0), column(state.size, state.params))
        )
        if first:
            return ahead
        mixed = ahead * _NEW
        return shift.project(x, mixed.add_(state.params, alpha=2 - 2 * _NEW).sub_(state.previous, alpha=1 - _NEW))

    def review(self, state: AscentState) -> None:
        """Halves steps where the loss rose too rarely, or where a stretch at an unchanged step brought nothing new."""
        self._passed += 1
        if self._passed < self._stretch:
            return
        stuck = ~state.restarted & (state.reviewed >= state.top_value)
        halve = (state.rises <= _RISES * self._stretch) | stuck
        state.size[halve] /= 2
        state.go_back(halve)
        state.reviewed, state.restarted = state.top_value, halve
        state.rises.zero_()
        self._passed, self._stretch = 0, max(self._stretch - self._shorter, self._least)


class NarrowingSchedule:
    """The schedule of APGD for L1: sparse steps, of as many features as the best move so far has, made fewer by half."""

    first_size: ClassVar[float] = 1.0
    _fewer, _slower, _slowest, _shrunk = 1.5, 1.5, 10.0, 0.95

    def __init__(self, shift: L1, steps: int, start: Params) -> None:
        self._shift = shift
        self._stretch, self._passed = max(int(0.04 * steps), 1), 0
        self.moved = _moved(start)
        self.count = self.moved / self._fewer

    def keep(self, mask: Tensor) -> None:
        """Drops the other examples."""
        self.count, self.moved = keep(mask, self.count, self.moved)

    def ahead(self, state: AscentState, *, first: bool) -> Params:
        """The next point. Features at a bound of the box are not moved: their steps would be lost."""
        shift, x = self._shift, state.here.x
        flat = with_room(state.gradient, state.params, *shift.room(x)).flatten(1)
        order = flat.abs().sort(dim=1, descending=True, stable=True).indices
        # Rounded down: where all the features moved are taken, the projection takes the step back and nothing changes.
        taken = torch.arange(flat.shape[1], device=flat.device) < self.count[:, None].floor().clamp_min(1.0)
        taken = torch.zeros_like(flat).scatter_(1, order, taken.to(flat))
        sparse = flat.sign() * taken
        step = sparse / sparse.abs().sum(1, keepdim=True).clamp_min(1.0) * (state.size[:, None] * shift.eps)
        return shift.project(x, state.params + step.reshape(state.params.shape))

    def review(self, state: AscentState) -> None:
        """Goes back to the best point at full step where that has become sparser, and makes smaller steps elsewhere."""
        self._passed += 1
        if self._passed < self._stretch:
            return
        self._passed = 0
        moved = _moved(state.top)
        sparser = moved < self._shrunk * self.moved
        state.size = torch.where(sparser, self.first_size, state.size / self._slower).clamp_min(self.first_size / self._slowest)
        state.go_back(sparser)
        self.count, self.moved = moved / self._fewer, moved


def auto_step_passes(shift: Shift, steps: int) -> int:
    """The most forwards and backwards together that `run_auto_step` spends on an example."""
    return 2 * steps + (len(_WIDER) if isinstance(shift, L1) else 1)


def run_auto_step(shift: Differentiable, oracle: Oracle, rows: Tensor, rng: Rng, goal: Goal, steps: int, best: Best) -> None:
    """One run from a random draw for the examples at `rows`, which oracle and rng hold alone; what it finds goes into `best`.

    Cost: up to steps + 1 forwards and steps backwards (for L1 two more of each).
    """
    if not isinstance(shift, L1):
        _run(oracle, rows, shift.sample(oracle.x, rng), goal, steps, best, HalvingSchedule(shift, steps))
        return
    start = rng.normal(*oracle.x.shape[1:]).to(oracle.x)  # its projection is sparse, which a uniform draw is not
    left = steps
    for stage, (factor, share) in enumerate(_WIDER):
        last = stage == len(_WIDER) - 1
        here = shift if last else replace(shift, eps=factor * shift.eps)
        part = left if last else min(math.ceil(share * steps), left - 1)
        if part:
            start = here.project(oracle.x, start)
            rule = NarrowingSchedule(here, part, start)
            start = _run(oracle if last else oracle.beyond(), rows, start, goal, part, best if last else None, rule)
            left -= part


def _run(
    oracle: Oracle,
    rows: Tensor,
    start: Params,
    goal: Goal,
    steps: int,
    best: Best | None,
    rule: HalvingSchedule | NarrowingSchedule,
) -> Params:
    """Climbs, and returns the points of largest loss; with `best`, examples that break are recorded there and left out."""
    state = _first(oracle, rows, start, goal, rule.first_size, best, rule)
    for step in range(steps):
        if not len(state.rows):
            break
        ahead = rule.ahead(state, first=not step)
        state.previous, state.params = state.params, ahead
        loss = goal(state.rows)
        if step < steps - 1:
            answer, (value,), (state.gradient,) = state.here.gradients(ahead, (loss,))
        else:  # the gradient at the last point is not needed
            answer = state.here(ahead)
            value = answer.value(loss)
        margin = answer.margin
        if best is not None and bool(answer.broken.any()):
            hit = answer.broken
            best.offer(state.rows[hit], ahead[hit], margin[hit], hit[hit])
            held = ~best.done(state.rows)
            _drop(state, rule, held)
            value, margin = keep(held, value, margin)
        state.observe(value, margin)
        rule.review(state)
    if best is not None:
        best.offer(state.rows, state.top, state.top_margin, torch.zeros_like(state.restarted))
    return state.top


def _first(
    oracle: Oracle, rows: Tensor, start: Params, goal: Goal, size: float, best: Best | None, rule: HalvingSchedule | NarrowingSchedule
) -> AscentState:
    answer, (value,), (gradient,) = oracle.gradients(start, (goal(rows),))
    none = torch.zeros_like(answer.broken)
    state = AscentState(
        rows=rows,
        here=oracle,
        params=start,
        previous=start,
        gradient=gradient,
        value=value,
        top=start,
        top_gradient=gradient,
        top_value=value,
        top_margin=answer.margin,
        size=torch.full((len(rows),), size, dtype=start.dtype, device=start.device),
        rises=torch.zeros(len(rows), dtype=torch.int64, device=start.device),
        reviewed=value,
        restarted=~none,
    )
    if best is not None and bool(answer.broken.any()):
        hit = answer.broken
        best.offer(rows[hit], start[hit], answer.margin[hit], hit[hit])
        _drop(state, rule, ~best.done(rows))
    return state


def _drop(state: AscentState, rule: HalvingSchedule | NarrowingSchedule, held: Tensor) -> None:
    state.keep(held)
    if isinstance(rule, NarrowingSchedule):
        rule.keep(held)


def _moved(params: Params) -> Tensor:
    """How many features each move changes, shape (n,), floating."""
    return (params.flatten(1) != 0).sum(1).to(params.dtype)
