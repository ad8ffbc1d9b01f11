"""MNIST-C's scale: a smaller digit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from shiftproof.shifts.corruptions._draws import Array, Draws
from shiftproof.shifts.corruptions._filters import warped
from shiftproof.shifts.corruptions.constants import table
from shiftproof.shifts.corruptions.image_by_image import ImageByImage


class Shrinkage(NamedTuple):
    """The original size over the new one."""

    factor: float


@dataclass(frozen=True)
class MnistCScale(ImageByImage[Shrinkage]):
    """Shrunk about the centre, bilinear; black enters from outside.

    Between severities the inverse of the size is interpolated. `scale` is the shift with a size to search.

    Args:
        severity: in (0, 5].

    Params are (severity,), shape (n, 1).

    Needs the extra `corruptions`, which is OpenCV.

    Example:
        >>> import torch
        >>> x, shift = torch.ones(1, 1, 28, 28), MnistCScale(5)
        >>> moved = shift.apply(x, torch.tensor([[5.0]]))
        >>> float(moved.mean())  # half the sides, and softened edges
        0.25

    Reference: Mu & Gilmer 2019, "MNIST-C: a robustness benchmark for computer vision".
    """

    name: ClassVar[str] = "mnist_c_scale"
    by_opencv: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ("mu2019mnist",)
    published: ClassVar = {"mnist_c": table(Shrinkage, 1.0, 1 / 0.9, 1 / 0.8, 1 / 0.7, 1 / 0.6, 1 / 0.5)}

    def picture(self, image: Array, c: Shrinkage, draws: Draws) -> Array:
        return warped(image, np.eye(2) * c.factor)
