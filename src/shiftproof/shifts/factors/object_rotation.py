"""The object rotated on its own background."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from shiftproof.shifts.abstract import Params
from shiftproof.shifts.factors.placement import Placement, Room
from shiftproof.shifts.geometry.spatial import rotated


@dataclass(frozen=True)
class ObjectRotation(Placement):
    """The object rotated by an angle in [-degrees, degrees] about the centre of its box, on its own background.

    Args:
        degrees: largest angle, in (0, 180].
        mask: how the object is found: "estimated", "alpha", or given in Python by `with_masks`.

    Params are (angle,) in degrees, shape (n, 1); positive angles rotate counter-clockwise. What leaves the image is cut off; what the
    object uncovers is filled with the mean of the nearest background.

    Guarantees:
        Angle 0 changes no bit. Differentiable in the angle. An estimated mask can be wrong.

    Example:
        >>> import torch
        >>> x = torch.zeros(1, 1, 7, 7)
        >>> x[0, 0, 3, 2:5] = torch.tensor([1.0, 1.0, 0.5])
        >>> ObjectRotation(90).apply(x, torch.tensor([[90.0]], dtype=torch.float64))[0, 0, :, 3]
        tensor([0.0000, 0.0000, 0.5000, 1.0000, 1.0000, 0.0000, 0.0000])

    Reference: Djolonga et al. 2021, "On robustness and transferability of convolutional neural networks" (SI-Score); Li et al. 2023,
    "ImageNet-E" (direction).
    """

    name: ClassVar[str] = "object_rotation"
    strength: ClassVar[str] = "degrees"

    degrees: float

    def check(self) -> None:
        super().check()
        self.require("degrees", within="(0, 180]")

    def limits(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return (-self.degrees,), (self.degrees,)

    def sources(self, params: Params, down: Tensor, right: Tensor, room: Room) -> tuple[Tensor, Tensor]:
        return rotated(params[:, 0], down, right)
