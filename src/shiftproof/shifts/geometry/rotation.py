"""The camera tilts: the image turned about its centre."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from shiftproof._errors import must
from shiftproof.shifts._support import in_cache
from shiftproof.shifts.abstract import Params
from shiftproof.shifts.geometry.spatial import PUBLISHED, Spatial

_NUDGE = 1e-9
"""Radians: far above rounding in float64, far below anything seen in a pixel."""


@dataclass(frozen=True)
class Rotation(Spatial):
    """Rotation by an angle in [-degrees, degrees] about the centre, bilinear; what comes from outside the image is black (the box's least).

    Args:
        degrees: largest angle, in (0, 180].

    Params are (angle,) in degrees, shape (n, 1); positive angles turn counter-clockwise as one looks at the picture (rows run down).

    Guarantees:
        Angle 0 leaves every bit as it was, and quarter turns of square images are exact: pixel positions are computed in float64.
        Differentiable in the angle; where a position is whole (as all are at angle 0) the derivative is that towards larger angles.

    Example:
        >>> import torch
        >>> x = torch.tensor([[1.0, 0.0], [0.0, 0.0]]).reshape(1, 1, 2, 2)
        >>> Rotation(90).apply(x, torch.tensor([[90.0]], dtype=torch.float64))[0, 0]
        tensor([[0., 0.],
                [1., 0.]])

    Reference: Engstrom et al. 2019, "Exploring the landscape of spatial robustness" (up to 30 degrees).
    """

    name: ClassVar[str] = "rotation"
    strength: ClassVar[str] = "degrees"

    degrees: float

    def check(self) -> None:
        super().check()
        if not 0 < self.degrees <= 180:
            raise must("degrees", self.name, "be in (0, 180]", self.degrees, PUBLISHED)

    def limits(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return (-self.degrees,), (self.degrees,)

    def apply(self, x: Tensor, params: Params) -> Tensor:
        return in_cache(self._turn, x, params)

    def _turn(self, x: Tensor, params: Params) -> Tensor:
        height, width = x.shape[2:]
        angle = torch.deg2rad(params[:, 0].double())[:, None, None]
        down = torch.arange(height, dtype=angle.dtype, device=x.device)[:, None] - (height - 1) / 2
        right = torch.arange(width, dtype=angle.dtype, device=x.device) - (width - 1) / 2
        row = down * angle.cos() + right * angle.sin() + (height - 1) / 2
        column = right * angle.cos() - down * angle.sin() + (width - 1) / 2
        # A position that is whole lies at the edge of two cells: the one it enters as the angle grows gives the derivative.
        entering = row + _NUDGE * (column - (width - 1) / 2), column - _NUDGE * (row - (height - 1) / 2)
        return _read(x, (row, column), entering, self.space.low).clamp(self.space.low, self.space.high)


def _read(x: Tensor, at: tuple[Tensor, Tensor], cell: tuple[Tensor, Tensor], fill: float) -> Tensor:
    """Bilinear reads of x (n, c, h, w) at (row, column), each (n, h, w) in pixels, between the corners of each `cell`; `fill` outside.

    Not torch's grid_sample: it holds positions in float32 within [-1, 1], and at 224 pixels the identity is then off by up to 3e-5.
    """
    height, width = x.shape[2:]
    # One pixel of padding stands for all that is outside.
    row, column = at[0].clamp(-1, height), at[1].clamp(-1, width)
    top, left = (place.detach().floor().clamp_(-1, size - 1) for place, size in zip(cell, (height, width), strict=True))
    along, aside = ((place - corner).to(x.dtype).flatten(1)[:, None] for place, corner in ((row, top), (column, left)))
    stride = width + 2
    index = ((top + 1) * stride + left + 1).long().flatten(1)[:, None].expand(-1, x.shape[1], -1)
    flat = F.pad(x, (1, 1, 1, 1), value=fill).flatten(2)
    above = torch.lerp(flat.gather(2, index), flat[..., 1:].gather(2, index), aside)
    below = torch.lerp(flat[..., stride:].gather(2, index), flat[..., stride + 1 :].gather(2, index), aside)
    return torch.lerp(above, below, along).view_as(x)
