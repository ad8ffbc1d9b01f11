"""MNIST-C's translation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from shiftproof.shifts.corruptions._draws import Array, Draws
from shiftproof.shifts.corruptions._filters import warped
from shiftproof.shifts.corruptions.constants import table
from shiftproof.shifts.corruptions.image_by_image import ImageByImage


class Offset(NamedTuple):
    """A distance in pixels of 28."""

    pixels: float


@dataclass(frozen=True)
class MnistCTranslate(ImageByImage[Offset]):
    """Translated by whole pixels of 28 along both axes, each way at random; black enters from outside.

    Larger images move by the same share of their sides. `translation` is the shift with offsets to search.

    Args:
        severity: in (0, 5].

    Params are (severity, seed), shape (n, 2).

    Needs the extra `corruptions`, which is OpenCV.

    Example:
        >>> import torch
        >>> from shiftproof.randomness import Rng
        >>> x, shift = torch.ones(1, 1, 28, 28), MnistCTranslate(5)
        >>> moved = shift.apply(x, shift.sample(x, Rng.for_ids(0, ["a"])))
        >>> int(moved.sum())  # 23 * 23 pixels are left
        529

    Reference: Mu & Gilmer 2019, "MNIST-C: a robustness benchmark for computer vision".
    """

    name: ClassVar[str] = "mnist_c_translate"
    by_opencv: ClassVar[bool] = True
    random: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ("mu2019mnist",)
    published: ClassVar = {"mnist_c": table(Offset, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0)}

    def picture(self, image: Array, c: Offset, draws: Draws) -> Array:
        height, width = image.shape[:2]
        right, down = (c.pixels * (1 if draws.number() < 0.5 else -1) * side / 28 for side in (width, height))
        return warped(image, np.eye(2), offset=(right, down))
