"""Norms for minimum-norm searches: the dual, projection on balls with a radius per example, and the distance to a plane.

Tensors are flat, shape (n, d), where nothing else is said.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from shiftproof._rows import length, total
from shiftproof.shifts.abstract import Differentiable, Params
from shiftproof.shifts.norms.ball import Ball
from shiftproof.shifts.norms.l1 import L1
from shiftproof.shifts.norms.l2 import L2
from shiftproof.shifts.norms.linf import Linf

_TINY = 1e-30


class Norm(ABC):
    """A norm's geometry."""

    @abstractmethod
    def dual(self, weight: Tensor) -> Tensor:
        """The most that a move of size 1 gains along `weight`, shape (n,)."""

    @abstractmethod
    def steepest(self, weight: Tensor) -> Tensor:
        """The move of size 1 that gains most along `weight`."""

    @abstractmethod
    def shrink(self, move: Tensor, radius: Tensor) -> Tensor:
        """The nearest move of size at most `radius`, shape (n,)."""

    @abstractmethod
    def reach(self, weight: Tensor, gap: Tensor, room: Tensor) -> Tensor:
        """The least move that gains `gap` >= 0, shape (n,), along `weight`, where `room` is what each feature may go along its weight.

        Where all the room does not gain that much, the move takes it all.
        """


class _Linf(Norm):
    def dual(self, weight: Tensor) -> Tensor:
        return total(weight.abs())

    def steepest(self, weight: Tensor) -> Tensor:
        return weight.sign()

    def shrink(self, move: Tensor, radius: Tensor) -> Tensor:
        return torch.minimum(torch.maximum(move, -radius[:, None]), radius[:, None])

    def reach(self, weight: Tensor, gap: Tensor, room: Tensor) -> Tensor:
        level = _fill(weight.abs(), room, gap)
        return weight.sign() * torch.minimum(level, room)


class _L2(Norm):
    def dual(self, weight: Tensor) -> Tensor:
        return length(weight)

    def steepest(self, weight: Tensor) -> Tensor:
        return weight / self.dual(weight).clamp_min(_TINY)[:, None]

    def shrink(self, move: Tensor, radius: Tensor) -> Tensor:
        return move * (radius / self.dual(move).clamp_min(_TINY)).clamp_max(1.0)[:, None]

    def reach(self, weight: Tensor, gap: Tensor, room: Tensor) -> Tensor:
        slope = weight.abs()
        level = _fill(weight.square(), room / slope.clamp_min(_TINY), gap)
        return weight.sign() * torch.minimum(level * slope, room)


class _L1(Norm):
    def dual(self, weight: Tensor) -> Tensor:
        return weight.abs().amax(1)

    def steepest(self, weight: Tensor) -> Tensor:
        return _largest(weight)

    def shrink(self, move: Tensor, radius: Tensor) -> Tensor:
        size = move.abs()
        ranked = size.sort(dim=1, descending=True).values
        level = (ranked.cumsum(1) - radius[:, None]) / torch.arange(1, size.shape[1] + 1, device=move.device)
        # The threshold is that of the longest prefix whose least member stays above it (Duchi et al. 2008 [duchi2008efficient]).
        last = (ranked > level).sum(1, keepdim=True).clamp_min(1) - 1
        cut = (size - level.gather(1, last).clamp_min(0.0)).clamp_min(0.0) * (radius > 0)[:, None]
        return move.sign() * cut

    def reach(self, weight: Tensor, gap: Tensor, room: Tensor) -> Tensor:
        return _in_order(weight, gap, room, by=weight.abs())


class _L0(Norm):
    def __init__(self, numbers: int = 1) -> None:
        self._numbers = numbers
        """Of one feature: the channels of a pixel, which count as one."""

    def dual(self, weight: Tensor) -> Tensor:
        return weight.abs().amax(1)

    def steepest(self, weight: Tensor) -> Tensor:
        return _largest(weight)

    def shrink(self, move: Tensor, radius: Tensor) -> Tensor:
        each = move.reshape(len(move), self._numbers, -1)
        rank = each.square().sum(1).sort(dim=1, descending=True, stable=True).indices.argsort(dim=1)
        return each.masked_fill((rank >= radius.floor()[:, None])[:, None, :], 0.0).reshape(move.shape)

    def reach(self, weight: Tensor, gap: Tensor, room: Tensor) -> Tensor:
        return _in_order(weight, gap, room, by=weight.abs() * room)


def _largest(weight: Tensor) -> Tensor:
    """The sign of each row's largest entry, and zero elsewhere."""
    at = weight.abs().argmax(1, keepdim=True)
    return torch.zeros_like(weight).scatter(1, at, weight.gather(1, at).sign())


def _fill(gain: Tensor, brim: Tensor, gap: Tensor) -> Tensor:
    """The least level t, shape (n, 1), at which sum_i gain_i min(t, brim_i) is `gap`: piecewise linear between the sorted brims."""
    gain, gap = gain.double(), gap.double()[:, None]
    # No feature need go beyond what would do alone. That keeps all numbers finite, and the least level as it is.
    brim = torch.minimum(brim.double(), gap / gain.clamp_min(_TINY)).masked_fill(gain == 0, 0.0)
    brim, order = brim.sort(dim=1)
    gain = gain.gather(1, order)
    full = (gain * brim).cumsum(1)
    rest = gain.flip(1).cumsum(1).flip(1)  # from this feature on
    before = torch.cat([full.new_zeros(len(full), 1), full[:, :-1]], dim=1)
    at = (before + brim * rest < gap).sum(1, keepdim=True).clamp_max(gain.shape[1] - 1)
    return ((gap - before.gather(1, at)) / rest.gather(1, at).clamp_min(_TINY)).clamp_min(0.0)


def _in_order(weight: Tensor, gap: Tensor, room: Tensor, by: Tensor) -> Tensor:
    """Features take all their room one after another, the largest in `by` first, until `gap` is gained."""
    slope = weight.abs()
    room = torch.minimum(room, gap[:, None] / slope.clamp_min(_TINY)).masked_fill(slope == 0, 0.0)
    order = by.sort(dim=1, descending=True, stable=True).indices
    gained = (slope * room).gather(1, order)
    missing = (gap[:, None] - (gained.cumsum(1) - gained)).clamp_min(0.0)
    taken = torch.zeros_like(room).scatter_(1, order, torch.minimum(missing, gained))
    return weight.sign() * torch.minimum(taken / slope.clamp_min(_TINY), room)


_NORMS: dict[str, Norm] = {"linf": _Linf(), "l2": _L2(), "l1": _L1()}


def norm_of(shift: Ball, x: Tensor) -> Norm:
    """The geometry of a ball that `MinimalSearch.objection` has let pass, for x of shape (n, ...)."""
    if shift.name == "l0":
        return _L0(x.shape[1] if shift.space.kind == "image" and x.dim() == 4 else 1)
    return _NORMS[shift.name]


def to_plane(norm: Norm, weight: Tensor, gap: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """The least move inside low <= d <= high with weight . d = gap, of either sign; all it can where the plane lies outside."""
    side = torch.where(gap < 0, -1.0, 1.0).to(weight)
    along = weight * side[:, None]
    room = torch.where(along > 0, high, -low).clamp_min(0.0)
    return norm.reach(along, gap.abs(), room).to(weight)


def with_room(gradient: Tensor, move: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """The gradient, zero where it points at a bound of the box that the move is at. Any shape."""
    return gradient.masked_fill(torch.where(gradient > 0, move >= high, move <= low), 0.0)


class AscentStep:
    """Steps of steepest ascent for the moves of some inputs, shape (n, ...), projected; what depends only on the inputs is computed once.

    A step of l1 is made of few features. One at a bound of the box is none of them: the projection would take its part back.
    """

    def __init__(self, shift: Differentiable, x: Tensor, limits: tuple[Tensor, ...] = ()) -> None:
        self._shift, self._x, self._limits = shift, x, limits
        if not limits:
            self._limits = shift.move_limits(x) if isinstance(shift, Linf) else shift.room(x) if isinstance(shift, L1 | L2) else ()

    def __getitem__(self, rows: Tensor) -> AscentStep:
        """The same for the inputs at `rows` (indices or a mask)."""
        return AscentStep(self._shift, self._x[rows], tuple(limit[rows] for limit in self._limits))

    def __call__(self, params: Params, gradient: Tensor, step: float) -> Params:
        """The params one step further."""
        if isinstance(self._shift, L2):
            return self._shift.climbed(params, gradient, step, self._limits)
        if isinstance(self._shift, L1):
            gradient = with_room(gradient, params, *self._limits)
        moved = self._shift.ascend(params, gradient, step)
        if isinstance(self._shift, Linf) and not moved.requires_grad:
            # The projection, in memory that is at hand already: such passes are most of what comes on top of the model's own.
            return torch.clamp(moved, *self._limits, out=moved)
        return self._shift.project(self._x, moved)


def column(values: Tensor, like: Tensor) -> Tensor:
    """Numbers of shape (n,) that broadcast against `like` of shape (n, ...)."""
    return values.reshape(-1, *[1] * (like.dim() - 1))


def unit(moves: Tensor) -> Tensor:
    """Each example's row of shape (n, ...) at Euclidean length 1; zero stays zero."""
    size = length(moves.flatten(1)).clamp_min(torch.finfo(moves.dtype).tiny)
    return moves / column(size, moves)
