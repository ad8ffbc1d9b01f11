"""The Euclidean ball: moves of length at most eps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof._rows import length, total
from shiftproof.randomness import Rng
from shiftproof.shifts.abstract import Params
from shiftproof.shifts.norms.ball import Ball

_ROUNDS = 30


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
        """The nearest move in ball and box: clip(s * d, room) with the s in (0, 1] that uses the whole budget.

        With C the squared length of the clipped features and U that of the others at s = 1, s = sqrt((eps^2 - C) / U). Recomputing s can
        only clip more features, so s rises to the solution and stops after a few rounds, when no more features are clipped.
        """
        low, high = (end.flatten(1) for end in self.room(x))
        move = params.flatten(1)
        fits = torch.minimum(torch.maximum(move, low), high)
        rows = (length(fits) > self.eps).nonzero()[:, 0]
        if len(rows):
            fits[rows] = self._shrink(move[rows], low[rows], high[rows])
        return fits.reshape(params.shape)

    def _shrink(self, move: Tensor, low: Tensor, high: Tensor) -> Tensor:
        scale = self.eps / length(move)[:, None]
        squares = move.square()
        clipped = move.new_zeros(move.shape, dtype=torch.bool)
        for _ in range(_ROUNDS):
            scaled = move * scale
            fits = torch.minimum(torch.maximum(scaled, low), high)
            now = fits != scaled
            changed = (now != clipped).any(1, keepdim=True)  # a row that has converged must not change, whatever other rows need
            if not bool(changed.any()):
                break
            clipped = now
            used = total(fits.square().masked_fill(~clipped, 0.0))[:, None]
            free = total(squares.masked_fill(clipped, 0.0))[:, None]
            room = (self.eps**2 - used).clamp_min(0.0)
            scale = torch.where(changed & (free > 0), (room / free.clamp_min(1e-30)).sqrt(), scale)
        return fits * (self.eps / length(fits)[:, None]).clamp_max(1.0)  # rounding only

    def ascend(self, params: Params, gradient: Tensor, step: float) -> Params:
        flat = gradient.flatten(1)
        size = length(flat)[:, None].clamp_min(torch.finfo(flat.dtype).tiny)
        return params + (step * self.eps / size * flat).reshape(gradient.shape)
