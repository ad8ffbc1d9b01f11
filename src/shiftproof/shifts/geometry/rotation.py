"""Rotation about the centre of the image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from shiftproof.shifts.abstract import Params
from shiftproof.shifts.geometry.spatial import PUBLISHED, Warp, rotated


@dataclass(frozen=True)
class Rotation(Warp):
    """Rotation by an angle in [-degrees, degrees] about the centre, bilinear; what enters from outside is black (the box's least).

    Args:
        degrees: largest angle, in (0, 180].

    Params are (angle,) in degrees, shape (n, 1); positive angles rotate counter-clockwise as the image is displayed (rows run down).

    Guarantees:
        Angle 0 changes no bit, and quarter turns of square images are exact: pixel positions are computed in float64.
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
        self.require("degrees", within="(0, 180]", hint=PUBLISHED)

    def limits(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return (-self.degrees,), (self.degrees,)

    def sources(self, params: Params, down: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
        return rotated(params[:, 0], down, right)
