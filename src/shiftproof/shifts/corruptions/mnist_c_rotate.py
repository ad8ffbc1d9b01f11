"""MNIST-C's rotation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from shiftproof.shifts.corruptions._draws import Array, Draws
from shiftproof.shifts.corruptions._filters import warped
from shiftproof.shifts.corruptions.constants import Angle, table
from shiftproof.shifts.corruptions.image_by_image import ImageByImage


@dataclass(frozen=True)
class MnistCRotate(ImageByImage[Angle]):
    """Rotated about the centre by a fixed angle, to either side at random; black enters from outside.

    `rotation` is the shift with an angle to search.

    Args:
        severity: in (0, 5].

    Params are (severity, seed), shape (n, 2).

    Needs the extra `corruptions`, which is OpenCV.

    Example:
        >>> import torch
        >>> from shiftproof.randomness import Rng
        >>> x, shift = torch.ones(1, 1, 28, 28), MnistCRotate(5)
        >>> moved = shift.apply(x, shift.sample(x, Rng.for_ids(0, ["a"])))
        >>> float(moved[0, 0, 0, 0])  # a corner comes from outside
        0.0

    Reference: Mu & Gilmer 2019, "MNIST-C: a robustness benchmark for computer vision".
    """

    name: ClassVar[str] = "mnist_c_rotate"
    by_opencv: ClassVar[bool] = True
    random: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ("mu2019mnist",)
    published: ClassVar = {"mnist_c": table(Angle, 0.0, 0.2, 0.4, 0.6, 0.8, 1.0)}

    def picture(self, image: Array, c: Angle, draws: Draws) -> Array:
        angle = c.angle if draws.number() < 0.5 else -c.angle
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        return warped(image, turn)
