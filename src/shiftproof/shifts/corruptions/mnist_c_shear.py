"""A digit that leans: MNIST-C's shear."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from shiftproof.shifts.corruptions._draws import Array, Draws
from shiftproof.shifts.corruptions._filters import warped
from shiftproof.shifts.corruptions.corruption import column
from shiftproof.shifts.corruptions.image_by_image import ImageByImage


@dataclass(frozen=True)
class MnistCShear(ImageByImage):
    """Sheared about the centre by an angle of 0.2, 0.4, 0.6, 0.8, 1 rad, to either side by chance; black comes in from outside.

    A row at height y reads c(y) = x - sin(angle) y and r(y) = cos(angle) y from the centre, as the scikit-image of 2019 defines a shear.
    `shear` is the shift with an angle to search.

    Args:
        severity: in (0, 5].

    Params are (severity, seed), shape (n, 2).

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
    random: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ("mu2019mnist",)
    published: ClassVar = {"mnist_c": column(0.0, 0.2, 0.4, 0.6, 0.8, 1.0)}

    def picture(self, image: Array, constants: tuple[float, ...], draws: Draws) -> Array:
        angle = constants[0] if draws.number() < 0.5 else -constants[0]
        return warped(image, np.array([[1, -np.sin(angle)], [0, np.cos(angle)]]))
