"""The camera tilts: the image turned about its centre."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof._errors import must
from shiftproof.shifts.abstract import Params
from shiftproof.shifts.geometry.spatial import PUBLISHED, Warp


@dataclass(frozen=True)
class Rotation(Warp):
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

    def sources(self, params: Params, down: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
        angle = torch.deg2rad(params[:, 0])[:, None, None]
        return down * angle.cos() + right * angle.sin(), right * angle.cos() - down * angle.sin()
