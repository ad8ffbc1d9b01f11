"""Pixels removed in an evenly spread pattern (blue noise)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from shiftproof.shifts.corruptions._draws import Array, Draws
from shiftproof.shifts.corruptions._spectrum import noise_of_power
from shiftproof.shifts.corruptions.constants import Strength, table
from shiftproof.shifts.corruptions.image_by_image import ImageByImage


@dataclass(frozen=True)
class BlueNoiseSample(ImageByImage[Strength]):
    """x where blue noise is above 0.3 strength - 2.5, black elsewhere.

    The noise has random phases, an amplitude that grows with the frequency, and standard deviation 1.

    Args:
        severity: in (0, 5].

    Params are (severity, seed), shape (n, 2).

    Example:
        >>> import torch
        >>> from shiftproof.randomness import Rng
        >>> x, shift = torch.ones(1, 3, 224, 224), BlueNoiseSample(5)
        >>> moved = shift.apply(x, shift.sample(x, Rng.for_ids(0, ["a"])))
        >>> round(float(1 - moved.mean()), 1)  # of a normal distribution below -0.82
        0.2

    Reference: Mintun, Kirillov & Xie 2021, "On interaction between augmentations and corruptions in natural corruption robustness".
    """

    name: ClassVar[str] = "blue_noise_sample"
    aliases: ClassVar[tuple[str, ...]] = ("blue_noise",)
    random: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ("mintun2021interaction",)
    published: ClassVar = {
        "imagenet_c_bar": table(Strength, 0.8, 1.6, 2.4, 4.0, 5.6),
        "cifar_10_c_bar": table(Strength, 0.7, 1.4, 2.1, 3.5, 4.2),
    }

    def picture(self, image: Array, c: Strength, draws: Draws) -> Array:
        noise = noise_of_power(image.shape[:2], 1, draws)
        return image * (noise > np.float32(c.strength * 0.3 - 2.5))[..., None]
