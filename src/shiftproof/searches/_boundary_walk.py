"""The base of decision searches: queries within a budget, a first failure, and the walk from it to the boundary.

These searches look for the nearest failure. Under a shift they stop an example as soon as a failure lies inside the budget; one outside
is a place to go on from and counts for nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches._norms import column, unit
from shiftproof.searches._random_search import signs
from shiftproof.shifts.abstract import Params
from shiftproof.shifts.norms.ball import Ball
from shiftproof.shifts.norms.linf import Linf

_BLOCKS = (1, 2, 4, 8)
"""Into how many parts a side of the input is cut by draws that are constant in blocks."""

_REFILLS = 6


class BoundaryWalk:
    """n examples on their way in: the nearest failure of each, the queries it has left, and whether it is inside the budget.

    Attributes:
        near: the nearest move known to break the model, inside the box, shape of x; the origin where none is known.
        started: where one is known, shape (n,).
        broken: where one lies inside the budget, which ends the example's walk, shape (n,).
        left: queries left, shape (n,).
    """

    def __init__(self, shift: Ball, oracle: Oracle, x: Tensor, rng: Rng, queries: int) -> None:
        self.shift, self.x, self.rng = shift, x, rng
        self._oracle = oracle.beyond()
        self.near = shift.origin(x)
        self.distance = torch.full((len(x),), torch.inf, dtype=x.dtype, device=x.device)
        self.broken = torch.zeros(len(x), dtype=torch.bool, device=x.device)
        self.left = torch.full((len(x),), queries, device=x.device)

    @property
    def started(self) -> Tensor:
        return self.distance.isfinite()

    def may_ask(self, rows: Tensor) -> Tensor:
        """Whether each of the examples at `rows` still searches and has queries left, shape (len(rows),)."""
        return ~self.broken[rows] & (self.left[rows] > 0)

    def open(self, rows: Tensor | None = None) -> Tensor:
        """Those of `rows` (of all examples by default) that may still ask."""
        rows = torch.arange(len(self.x), device=self.x.device) if rows is None else rows
        return rows[self.may_ask(rows)]

    def ask(self, rows: Tensor, moves: Params) -> Tensor:
        """Whether the model is wrong at these moves of the examples at `rows`, shape (len(rows),). All of them must be open."""
        if not len(rows):
            return rows.bool()
        wrong = self._oracle[rows](moves).broken
        self.left[rows] -= 1
        distance = self.shift.norm(moves)
        nearer = wrong & (distance < self.distance[rows])
        self.near[rows[nearer]] = moves[nearer]
        self.distance[rows[nearer]] = distance[nearer]
        self.broken[rows] |= wrong & (self.shift.excess(self.x[rows], moves) <= 0)
        return wrong

    def stream(self, rows: Tensor, *path: str | int) -> Rng:
        """The random numbers of the examples at `rows`."""
        return self.rng[rows.cpu()].child(*path)

    def inside_box(self, rows: Tensor, moves: Params) -> Params:
        """The nearest moves that stay in the box, wherever the budget ends."""
        low, high = self.shift.room(self.x[rows])
        return moves.clamp(low, high)

    def shrink(self, moves: Params, radius: Tensor) -> Params:
        """The moves on the way to these that have size `radius`: scaled down, or under linf clipped."""
        radius = radius.to(moves).reshape(-1, *[1] * (moves.dim() - 1))
        if isinstance(self.shift, Linf):
            return torch.maximum(torch.minimum(moves, radius), -radius)
        size = self.shift.norm(moves).to(moves).reshape(radius.shape).clamp_min(torch.finfo(moves.dtype).tiny)
        return moves * (radius / size).clamp_max(1.0)

    def straight(self, rows: Tensor, direction: Params, radius: Tensor) -> Params:
        """Moves in these directions that have size `radius`, or as much of it as the box leaves."""
        if isinstance(self.shift, Linf):
            return self.inside_box(rows, across(radius, direction) * direction.sign())
        long = across(radius, direction) * unit(direction)
        for _ in range(_REFILLS):  # what the box cuts off goes to the other features
            moves = self.inside_box(rows, long)
            long = long * across((radius / self.shift.norm(moves).to(radius).clamp_min(1e-12)).clamp(1.0, 4.0), long)
        return self.shrink(moves, radius)

    def result(self) -> Params:
        """The failures inside the budget; elsewhere the point of the budget closest to the nearest failure."""
        radius = self.distance.clamp_max(self.shift.eps)
        return self.shift.project(self.x, self.shrink(self.near, radius))

    def start(self, tries: int) -> None:
        """Looks with `tries` queries for a failure of each example anywhere in the box, and then for ones that are much nearer.

        The first draw is inside the budget; then come draws of one value, of blocks, and of a value for every feature, even and extreme.
        Once there is a failure, each draw is asked about at 0.8 of its distance.
        """
        for draw in range(tries):
            rows = self.open()
            if not len(rows):
                break
            moves = self._draw(rows, draw)
            self.ask(rows, self.shrink(moves, (0.8 * self.distance[rows]).clamp_min(self.shift.eps)))

    def _draw(self, rows: Tensor, draw: int) -> Params:
        rng, x = self.stream(rows, "start", draw), self.x[rows]
        if draw == 0:
            return self.shift.sample(x, rng)
        low, high = self.shift.room(x)
        if not self.shift.space.bounded and not self.shift.space.columns:
            return rng.normal(*x.shape[1:]).to(x) * (self.shift.eps * 2.0**draw)
        scale, extreme = (draw - 1) // 2 % (len(_BLOCKS) + 1), draw % 2 == 0
        shape = x.shape[1:] if scale == len(_BLOCKS) else (*x.shape[1:-2], *(min(_BLOCKS[scale], side) for side in x.shape[1:][-2:]))
        unit = (signs(rng, *shape) + 1) / 2 if extreme else rng.uniform(*shape)
        return self.inside_box(rows, low + (high - low) * _spread(unit.to(x), x.shape))

    def wrong_direction(self, rows: Tensor, here: Params, draws: int, probe: Callable[[Tensor, int], tuple[Params, Params]]) -> Params:
        """Estimates the direction in which the model gets more wrong from boundary points `here` of the examples at `rows`.

        Args:
            rows: examples, shape (m,).
            here: points near the boundary, shape (m, ...).
            draws: queries per example.
            probe: takes positions in `rows` and the number of the draw; returns moves near `here` and their directions from it.

        Returns:
            The sum of directions, each times its decision (1 wrong, -1 right) minus the mean decision, shape (m, ...).
        """
        signed, plain = torch.zeros_like(here), torch.zeros_like(here)
        balance, count = here.new_zeros(len(here)), here.new_zeros(len(here))
        going = torch.arange(len(rows), device=rows.device)
        for draw in range(draws):
            going = going[self.may_ask(rows[going])]
            if not len(going):
                break
            moves, direction = probe(going, draw)
            vote = self.ask(rows[going], moves).to(here) * 2 - 1
            signed[going] += across(vote, direction) * direction
            plain[going] += direction
            balance[going] += vote
            count[going] += 1
        mean = balance / count.clamp_min(1)
        # The mean lowers the variance; where all decisions agree it would leave nothing.
        return torch.where(across((mean.abs() < 1).to(here), here) > 0, signed - across(mean, here) * plain, signed)

    def come_near(self, rows: Tensor, moves: Params, precision: float) -> Params:
        """The failures at the boundary on the way from the inputs to `moves`, which break the model, by bisection.

        Asks at the edge of the budget first: a failure there ends the walk.

        Args:
            rows: examples, shape (m,).
            moves: failures outside the budget, shape (m, ...).
            precision: stop where the bracket is narrower than this share of its outer end.

        Returns:
            Failures, shape (m, ...): for rows without queries left, wherever they had come.
        """
        moves = moves.clone()
        outer = self.shift.norm(moves).to(torch.float64)
        inner = torch.full_like(outer, self.shift.eps)
        at = inner.clone()
        while True:
            todo = ((outer - inner > precision * outer) & (outer > inner)).nonzero()[:, 0]
            todo = todo[self.may_ask(rows[todo])]
            if not len(todo):
                return moves
            closer = self.shrink(moves[todo], at[todo])
            wrong = self.ask(rows[todo], closer)
            moves[todo[wrong]] = closer[wrong]
            outer[todo] = torch.where(wrong, at[todo], outer[todo])
            inner[todo] = torch.where(wrong, inner[todo], at[todo])
            at[todo] = (inner[todo] + outer[todo]) / 2


def _spread(unit: Tensor, shape: torch.Size) -> Tensor:
    """Values of blocks, stretched to inputs of `shape` over their last two dimensions (a vector has one)."""
    for axis in range(max(1, len(shape) - 2), len(shape)):
        count = math.ceil(shape[axis] / unit.shape[axis])
        unit = unit.repeat_interleave(count, dim=axis).narrow(axis, 0, shape[axis])
    return unit


def across(values: Tensor, moves: Params) -> Tensor:
    """One number per example, of the type and shape to multiply its move."""
    return column(values.to(moves), moves)
