"""The Euclidean ball: moves of length at most eps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof._rows import lane_total, length, padded
from shiftproof.randomness import Rng
from shiftproof.shifts._in_cache import blocks
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
        move, low, high = params.flatten(1), low.flatten(1), high.flatten(1)
        fits = torch.clamp(move, low, high)
        beyond = (lane_total(padded(fits * fits)) > self.eps**2).nonzero()[:, 0]
        for rows in blocks(beyond, move):
            fits[rows] = self._shrink(move[rows], fits[rows], low[rows], high[rows])
        return fits.reshape(params.shape)

    def _shrink(self, move: Tensor, fits: Tensor, low: Tensor, high: Tensor) -> Tensor:
        """The same for moves (n, d) of which what `fits` the box sticks out of the ball.

        With u the squares of d and r those of what fits, q = s^2 solves sum_i min(q u_i, r_i) = eps^2. The sum is concave in q, so that
        Newton's steps from below rise to the solution without passing it.
        """
        size = length(move)[:, None]
        move = move * (self.eps / size)
        squares, most = padded(move * move), padded(fits * fits)
        free, used = both = squares.new_empty(2, *squares.shape)
        q, last = torch.ones_like(size, dtype=torch.float64), (size.double() / self.eps).square()
        for _ in range(_ROUNDS):
            torch.mul(squares, q.to(squares), out=used)
            torch.le(used, most, out=free)  # as 0 and 1: a mask costs many times as much
            free.mul_(squares)
            torch.minimum(used, most, out=used)
            rate, total = lane_total(both)[..., None]
            step = (self.eps**2 - total).div_(rate.clamp_min_(1e-30))
            rises = step > _SETTLED * q  # a row that has settled must not change, whatever other rows need
            if not bool(rises.any()):
                break
            q = torch.where(rises, torch.minimum(q + step, last), q)
        move = torch.clamp(move.mul_(q.sqrt().to(move)), low, high, out=move)
        return move.mul_((self.eps / length(move)[:, None]).clamp_max_(1.0))  # rounding only

    def ascend(self, params: Params, gradient: Tensor, step: float) -> Params:
        flat = gradient.flatten(1)
        size = length(flat)[:, None].clamp_min(torch.finfo(flat.dtype).tiny)
        return params + (step * self.eps / size * flat).reshape(gradient.shape)
