"""Sets of inputs (a box, or an l1 or l2 ball inside a box) and the minimum of a linear function on them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from shiftproof.certificates.bounds.layers import Box

_HALVINGS = 20


@dataclass(frozen=True, eq=False)
class Region:
    """Inputs in `box`, and where `order` is given within `radius` of `center` in that norm.

    Args:
        box: least and greatest value of every feature, (n, *shape).
        order: 1 or 2; None for the whole box.
        center: (n, *shape).
        radius: (n,), in units of `scale`.
        scale: what a move of 1 changes in each feature, broadcastable to (n, *shape).

    Guarantees:
        `least` never exceeds the true minimum but for rounding: for a box it is exact; for a ball inside a box it is a value of the
        dual function, which every multiplier makes a lower bound, and its multiplier is found to about six digits.
    """

    box: Box
    order: int | None = None
    center: Tensor | None = None
    radius: Tensor | None = None
    scale: Tensor | None = None

    def __len__(self) -> int:
        return len(self.box.low)

    def __getitem__(self, rows: Tensor | slice) -> Region:
        center = None if self.center is None else self.center[rows]
        radius = None if self.radius is None else self.radius[rows]
        return Region(self.box.at(rows), self.order, center, radius, self.scale)

    @property
    def boxed(self) -> bool:
        """Whether it is a box and nothing else."""
        return self.order is None

    def least(self, a: Tensor) -> Tensor:
        """The least value of a x over the region, (n, specs), for rows a of shape (n, specs, *shape)."""
        flat = a.flatten(2)
        if self.order is None or self.center is None or self.radius is None:
            middle, reach = (self.box.low + self.box.high).flatten(1) / 2, (self.box.high - self.box.low).flatten(1) / 2
            return _dot(flat, middle) - _dot(flat.abs(), reach)
        center = self.center.flatten(1)
        scale = torch.ones_like(center) if self.scale is None else self.scale.expand(self.center.shape).flatten(1)
        steep = flat * scale[:, None]
        unit = scale.masked_fill(scale == 0, 1.0)
        down, up = ((self.box.low.flatten(1) - center) / unit)[:, None], ((self.box.high.flatten(1) - center) / unit)[:, None]
        room = torch.where(steep > 0, -down, up).masked_fill((scale == 0)[:, None], 0.0)  # how far each may go downhill
        fall = _fall_l1 if self.order == 1 else _fall_l2
        return _dot(flat, center) - fall(steep.abs(), room.clamp_min(0), self.radius[:, None])


def _dot(a: Tensor, x: Tensor) -> Tensor:
    return torch.bmm(a, x[..., None])[..., 0]


def _fall_l1(steep: Tensor, room: Tensor, radius: Tensor) -> Tensor:
    """An upper bound on max sum_i steep_i d_i over 0 <= d <= room, sum d <= radius: radius t + sum (steep - t)+ room, at the best t."""
    with torch.no_grad():
        low, high = torch.zeros_like(steep[..., 0]), steep.amax(-1)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            full = (room * (steep > middle[..., None])).sum(-1) > radius
            low, high = torch.where(full, middle, low), torch.where(full, high, middle)
    return torch.minimum(*(radius * t + ((steep - t[..., None]).clamp_min(0) * room).sum(-1) for t in (low, high)))


def _fall_l2(steep: Tensor, room: Tensor, radius: Tensor) -> Tensor:
    """The same under ||d||_2 <= radius: sum_i max over d_i in [0, room_i] of steep_i d_i - t d_i^2 / 2, plus t radius^2 / 2."""
    with torch.no_grad():
        length: Tensor = torch.linalg.vector_norm(steep, dim=-1)
        low = torch.zeros_like(length)
        high = length / radius.clamp_min(1e-300)  # the multiplier where the box cuts nothing off
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            used = torch.minimum(steep / middle[..., None].clamp_min(1e-300), room).square().sum(-1)
            over = used > radius**2
            low, high = torch.where(over, middle, low), torch.where(over, high, middle)
        best = torch.where((steep / high[..., None].clamp_min(1e-300) <= room).all(-1), length / radius.clamp_min(1e-300), high)
    move = torch.minimum(steep / best[..., None].clamp_min(1e-300), room)
    inside = (steep * move - best[..., None] * move.square() / 2).sum(-1) + best * radius**2 / 2
    return torch.minimum(inside, (steep * room).sum(-1))
