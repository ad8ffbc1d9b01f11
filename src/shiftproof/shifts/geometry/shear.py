"""Shear: rows slide sideways and columns up or down, in proportion to their distance from the centre."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof.shifts.abstract import Params
from shiftproof.shifts.geometry.spatial import Warp


@dataclass(frozen=True)
class Shear(Warp):
    """Vertical lines lean by one angle, then horizontal lines by another, each in [-degrees, degrees], bilinear; what enters is black.

    Args:
        degrees: largest angle, in (0, 90).

    Params are (sideways, upwards) in degrees, shape (n, 2). A row d pixels below the centre slides d * tan(sideways) pixels to the
    left, so positive angles lean the image to the right like italics. Then a column d pixels to the right of the centre slides
    d * tan(upwards) pixels up.

    Guarantees:
        (0, 0) changes no bit; rows that slide by whole pixels are exact (up to the rounding of the tangent). Differentiable.

    Example:
        >>> import torch
        >>> x = torch.eye(3).reshape(1, 1, 3, 3)
        >>> Shear(45).apply(x, torch.tensor([[45.0, 0.0]], dtype=torch.float64))[0, 0].round().T
        tensor([[0., 0., 0.],
                [1., 1., 1.],
                [0., 0., 0.]])

    Reference: Engstrom et al. 2019, "Exploring the landscape of spatial robustness" (the same attack with another transformation).
    """

    name: ClassVar[str] = "shear"
    strength: ClassVar[str] = "degrees"

    degrees: float

    def check(self) -> None:
        super().check()
        self.require("degrees", within="(0, 90)", hint="15 leans a line by a quarter of its length.")

    def limits(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return (-self.degrees, -self.degrees), (self.degrees, self.degrees)

    def sources(self, params: Params, down: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
        sideways, upwards = torch.deg2rad(params).tan()[:, :, None, None].unbind(1)
        row = down + upwards * right  # the inverse: the last move is undone first
        return row, right + sideways * row
