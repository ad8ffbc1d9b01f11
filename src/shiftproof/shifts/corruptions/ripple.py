"""The image distorted by ripples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from shiftproof.shifts.corruptions._draws import Array, Draws
from shiftproof.shifts.corruptions.constants import Strength, table
from shiftproof.shifts.corruptions.image_by_image import ImageByImage


@dataclass(frozen=True)
class Ripple(ImageByImage[Strength]):
    """Rows and columns displaced by 0.0025 strength of the shorter side along a sine of random wavelength and phase.

    Black enters from outside.

    Args:
        severity: in (0, 5].

    Params are (severity, seed), shape (n, 2).

    Needs the extra `corruptions`, which is OpenCV.

    Example:
        >>> import torch
        >>> from shiftproof.randomness import Rng
        >>> x, shift = torch.full((1, 3, 32, 32), 0.5), Ripple(3)
        >>> moved = shift.apply(x, shift.sample(x, Rng.for_ids(0, ["a"])))
        >>> float(moved[0, 0, 16, 16])
        0.5

    Reference: Mintun, Kirillov & Xie 2021, "On interaction between augmentations and corruptions in natural corruption robustness".
    """

    name: ClassVar[str] = "ripple"
    by_opencv: ClassVar[bool] = True
    random: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ("mintun2021interaction",)
    published: ClassVar = {"cifar_10_c_bar": table(Strength, 5.5, 6.0, 6.5, 7.5, 8.0)}

    def picture(self, image: Array, c: Strength, draws: Draws) -> Array:
        import cv2

        height, width = image.shape[:2]
        side = min(height, width)
        waves, phases = draws.uniform(2, low=0.1, high=0.3) * side, draws.uniform(2, high=2 * np.pi)
        rows, columns = (
            np.arange(size) + c.strength * 0.0025 * side * np.sin(2 * np.pi * np.arange(size) / wave + phase)
            for size, wave, phase in zip((height, width), waves, phases, strict=True)
        )
        right, down = np.meshgrid(columns.astype(np.float32), rows.astype(np.float32))
        return np.asarray(cv2.remap(image, right, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT), dtype=np.float32).reshape(
            image.shape
        )
