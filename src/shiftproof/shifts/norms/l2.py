"""The Euclidean ball: moves of length at most eps."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof._rows import LANES, lane_total, length
from shiftproof.randomness import Rng
from shiftproof.shifts._in_cache import slices
from shiftproof.shifts.abstract import Params
from shiftproof.shifts.norms.ball import Ball

_ROUNDS = 30
_SETTLED = 1e-6
"""A scale is found when a round moves it by a smaller share of itself."""


@dataclass(frozen=True)
class L2(Ball):
    """Moves of Euclidean length at most `eps`: {d : ||d||_2 <= eps, x + d in the box}.

    Args:
        eps: radius in (0, inf), in the units of the inputs, over all features together.
        levels: if not 0, moved inputs lie on this many evenly spaced values of the box (256 for 8-bit pixels).

    Guarantees:
        `project` is the exact Euclidean projection on ball and box together (most libraries scale, then clip, which leaves part of the
        budget unused where the box is active). Random draws are uniform in the ball, then projected on the box.

    Example:
        >>> import torch
        >>> shift = L2(0.5)
        >>> x, move = torch.tensor([[0.9, 0.5]]), torch.tensor([[3.0, 3.0]])
        >>> shift.norm(shift.project(x, move))  # the first feature has room for 0.1 only, and the second uses the rest
        tensor([0.5000])

    Reference: Szegedy et al. 2014, "Intriguing properties of neural networks".
    """

    name: ClassVar[str] = "l2"
    path: ClassVar[float] = 6.0
    references: ClassVar[tuple[str, ...]] = ("szegedy2014intriguing",)

    def largest(self) -> float:
        return math.inf  # the box's diagonal depends on the number of features

    def norm(self, move: Tensor) -> Tensor:
        return length(move.detach().flatten(1))

    def sample(self, x: Tensor, rng: Rng) -> Params:
        size = math.prod(x.shape[1:])
        direction = rng.child("direction").normal(size)
        # In double: torch's rounding of a power depends on its position in the batch, and a draw must not depend on other examples.
        radius = self.eps * rng.child("radius").uniform(1).double().pow(1 / size).float()
        ball = direction * (radius / length(direction)[:, None].clamp_min(1e-12))
        return self.project(x, ball.reshape(x.shape).to(x))

    def project(self, x: Tensor, params: Params) -> Params:
        """The nearest move in ball and box: clip(s * d, room) with the s in (0, 1] that uses the whole budget."""
        return self.fit(params, *self.room(x))

    def fit(self, params: Params, low: Tensor, high: Tensor) -> Params:
        """The same for moves whose `room` is known."""
        return self._in_parts(params, low, high, lambda move, _: move)

    def climbed(self, params: Params, gradient: Tensor, step: float, limits: tuple[Tensor, ...]) -> Params:
        """What `ascend` and then `fit` make of the moves, some examples at a time, so that none of it leaves the processor's cache."""
        slope, (low, high) = gradient.flatten(1), limits
        return self._in_parts(params, low, high, lambda move, rows: self._ascended(move, slope[rows], step))

    def _in_parts(self, params: Params, low: Tensor, high: Tensor, before: Callable[[Tensor, slice], Tensor]) -> Params:
        """What fits of moves after `before`, a few examples at a time."""
        move, low, high = params.detach().flatten(1), low.flatten(1), high.flatten(1)
        fits = torch.empty_like(move)
        room = _Room(move[:0])
        for rows in slices(move):
            some = before(move[rows], rows)
            room = room if len(room.most) == len(some) else _Room(some)
            self._fit(some, low[rows], high[rows], out=fits[rows], room=room)
        return fits.reshape(params.shape)

    def _fit(self, move: Tensor, low: Tensor, high: Tensor, *, out: Tensor, room: _Room) -> None:
        """The same for some moves (n, d), in memory that is at hand."""
        torch.clamp(move, low, high, out=out)
        torch.mul(out, out, out=room.most_here)
        beyond = lane_total(room.most) > self.eps**2
        if bool(beyond.all()):
            self._shrink(move, low, high, out=out, room=room)
        elif len(at := beyond.nonzero()[:, 0]):
            part = _Room(some := move[at])
            part.most.copy_(room.most[at])
            out[at] = self._shrink(some, low[at], high[at], out=torch.empty_like(some), room=part)

    def _shrink(self, move: Tensor, low: Tensor, high: Tensor, *, out: Tensor, room: _Room) -> Tensor:
        """The same for moves of which what fits the box, with the squares `room.most`, sticks out of the ball.

        With u the squares of d and r those of what fits, q = s^2 solves sum_i min(q u_i, r_i) = eps^2. The sum is concave in q, so that
        Newton's steps from below rise to the solution without passing it.
        """
        size = length(move)[:, None]
        last = (size.double() / self.eps).square_()
        torch.mul(move, self.eps / size, out=out)
        torch.mul(out, out, out=room.squares_here)
        reached, q = room.squares, torch.ones_like(last)
        for _ in range(_ROUNDS):
            torch.le(reached, room.most, out=room.free).mul_(room.squares)  # as 0 and 1: a mask costs many times as much
            torch.minimum(reached, room.most, out=room.used)
            rate, total = lane_total(room.both).unsqueeze_(-1)
            step = total.neg_().add_(self.eps**2).div_(rate.clamp_min_(1e-30))
            rises = step > _SETTLED * q  # a row that has settled must not change, whatever other rows need
            if not bool(rises.any()):
                break
            q = torch.where(rises, torch.minimum(step.add_(q), last), q)
            reached = torch.mul(room.squares, q.to(move), out=room.used)
        torch.clamp(out.mul_(q.sqrt_().to(move)), low, high, out=out)
        return out.mul_((self.eps / length(out)).clamp_max_(1.0)[:, None])  # rounding only

    def ascend(self, params: Params, gradient: Tensor, step: float) -> Params:
        return self._ascended(params.flatten(1), gradient.flatten(1), step).reshape(params.shape)

    def _ascended(self, move: Tensor, slope: Tensor, step: float) -> Tensor:
        size = length(slope)[:, None].clamp_min(torch.finfo(slope.dtype).tiny)
        return (step * self.eps / size * slope).add_(move)


class _Room:
    """Memory for the squares of moves like these, of shape (n, d), with zeros behind them for `lane_total`."""

    def __init__(self, move: Tensor) -> None:
        n, d = move.shape
        wide = d + -d % LANES
        room = move.new_empty(4, n, wide) if wide == d else move.new_zeros(4, n, wide)
        self.most, self.squares, self.free, self.used = room
        self.both = room[2:]
        self.most_here, self.squares_here = self.most[:, :d], self.squares[:, :d]
