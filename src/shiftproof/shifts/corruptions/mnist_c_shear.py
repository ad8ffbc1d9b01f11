"""MNIST-C's shear."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from shiftproof.shifts.corruptions._draws import Array, Draws
from shiftproof.shifts.corruptions._filters import warped
from shiftproof.shifts.corruptions.constants import Angle, table
from shiftproof.shifts.corruptions.image_by_image import ImageByImage


@dataclass(frozen=True)
class MnistCShear(ImageByImage[Angle]):
    """Sheared about the centre by a fixed angle, to either side at random; black enters from outside.

    The pixel at height y from the centre is read at column x - sin(angle) y and row cos(angle) y, as scikit-image defined a shear in 2019.
    `shear` is the shift with an angle to search.

    Args:
        severity: in (0, 5].

    Params are (severity, seed), shape (n, 2).

    Needs the extra `corruptions`, which is OpenCV.

    Example:
        >>> import torch
        >>> from shiftproof.randomness import Rng
        >>> x, shift = torch.ones(1, 1, 28, 28), MnistCShear(5)
        >>> moved = shift.apply(x, shift.sample(x, Rng.for_ids(0, ["a"])))
        >>> bool(moved[0, 0, 13, 13] == 1), bool(moved[0, 0, 0, 0] + moved[0, 0, 0, -1] < 2)
        (True, True)

    Reference: Mu & Gilmer 2019, "MNIST-C: a robustness benchmark for computer vision".
    """

    name: ClassVar[str] = "mnist_c_shear"
    by_opencv: ClassVar[bool] = True
    random: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ("mu2019mnist",)
    published: ClassVar = {"mnist_c": table(Angle, 0.0, 0.2, 0.4, 0.6, 0.8, 1.0)}

    def picture(self, image: Array, c: Angle, draws: Draws) -> Array:
        angle = c.angle if draws.number() < 0.5 else -c.angle
        return warped(image, np.array([[1, -np.sin(angle)], [0, np.cos(angle)]]))
