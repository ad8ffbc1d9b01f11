"""One grey sine wave added to the image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from shiftproof.shifts.corruptions._draws import Array, Draws
from shiftproof.shifts.corruptions.constants import Strength, table
from shiftproof.shifts.corruptions.image_by_image import ImageByImage


@dataclass(frozen=True)
class SingleFrequencyGreyscale(ImageByImage[Strength]):
    """x + 0.0769 strength * sin(f . position + phase), with a random frequency of up to pi per pixel along each axis.

    Args:
        severity: in (0, 5].

    Params are (severity, seed), shape (n, 2).

    Example:
        >>> import torch
        >>> from shiftproof.randomness import Rng
        >>> x, shift = torch.full((1, 3, 224, 224), 0.5), SingleFrequencyGreyscale(3)
        >>> moved = shift.apply(x, shift.sample(x, Rng.for_ids(0, ["a"])))
        >>> round(float((moved - x).std()), 2)  # 0.154 / sqrt(2)
        0.11

    Reference: Mintun, Kirillov & Xie 2021, "On interaction between augmentations and corruptions in natural corruption robustness".
    """

    name: ClassVar[str] = "single_frequency_greyscale"
    random: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ("mintun2021interaction",)
    published: ClassVar = {"imagenet_c_bar": table(Strength, 1.0, 1.5, 2.0, 4.5, 5.0)}

    def picture(self, image: Array, c: Strength, draws: Draws) -> Array:
        height, width = image.shape[:2]
        largest = draws.number(-np.pi, np.pi)
        waves = [largest, draws.number(-abs(largest), abs(largest))]
        across, down = waves if draws.number() < 0.5 else waves[::-1]
        phase = draws.number(0, 2 * np.pi)
        angle = np.arange(width) * across + np.arange(height)[:, None] * down + phase
        return image + np.sin(angle).astype(np.float32)[..., None] * np.float32(c.strength * 19.6 / 255)
