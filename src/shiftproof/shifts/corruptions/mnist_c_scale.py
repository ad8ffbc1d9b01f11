"""A digit that is smaller: MNIST-C's scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from shiftproof.shifts.corruptions._draws import Array, Draws
from shiftproof.shifts.corruptions._filters import warped
from shiftproof.shifts.corruptions.corruption import column
from shiftproof.shifts.corruptions.image_by_image import ImageByImage


@dataclass(frozen=True)
class MnistCScale(ImageByImage):
    """Shrunk about the centre to 0.9, 0.8, 0.7, 0.6, 0.5 of its size, bilinear; black comes in from outside.

    Between severities the inverse is interpolated. `scale` is the shift with a size to search.

    Args:
        severity: in (0, 5].

    Params are (severity,), shape (n, 1).

    Example:
        >>> import torch
        >>> x, shift = torch.ones(1, 1, 28, 28), MnistCScale(5)
        >>> moved = shift.apply(x, torch.tensor([[5.0]]))
        >>> float(moved.mean())  # half the sides, and softened edges
        0.25

    Reference: Mu & Gilmer 2019, "MNIST-C: a robustness benchmark for computer vision".
    """

    name: ClassVar[str] = "mnist_c_scale"
    references: ClassVar[tuple[str, ...]] = ("mu2019mnist",)
    published: ClassVar = {"mnist_c": column(1.0, 1 / 0.9, 1 / 0.8, 1 / 0.7, 1 / 0.6, 1 / 0.5)}

    def picture(self, image: Array, constants: tuple[float, ...], draws: Draws) -> Array:
        return warped(image, np.eye(2) * constants[0])
