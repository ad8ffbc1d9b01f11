"""Smooth coloured noise added to the image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from shiftproof.shifts.corruptions._draws import Array, Draws
from shiftproof.shifts.corruptions._spectrum import noise_of_power
from shiftproof.shifts.corruptions.constants import Strength, table
from shiftproof.shifts.corruptions.image_by_image import ImageByImage


@dataclass(frozen=True)
class BrownishNoise(ImageByImage[Strength]):
    """x + 0.0251 strength * noise in each channel.

    The noise has random phases, amplitude 1 / (frequency^2 + 1) and standard deviation 1.

    Args:
        severity: in (0, 5].

    Params are (severity, seed), shape (n, 2).

    Example:
        >>> import torch
        >>> from shiftproof.randomness import Rng
        >>> x, shift = torch.full((1, 3, 224, 224), 0.5), BrownishNoise(3)
        >>> moved = shift.apply(x, shift.sample(x, Rng.for_ids(0, ["a"])))
        >>> round(float((moved - x).std((2, 3)).mean()), 3)
        0.075

    Reference: Mintun, Kirillov & Xie 2021, "On interaction between augmentations and corruptions in natural corruption robustness".
    """

    name: ClassVar[str] = "brownish_noise"
    random: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ("mintun2021interaction",)
    published: ClassVar = {
        "imagenet_c_bar": table(Strength, 1.0, 2.0, 3.0, 4.0, 5.0),
        "cifar_10_c_bar": table(Strength, 2.5, 4.0, 5.5, 6.5, 7.0),
    }

    def picture(self, image: Array, c: Strength, draws: Draws) -> Array:
        noise = np.stack([noise_of_power(image.shape[:2], -2, draws) for _ in range(image.shape[2])], axis=-1)
        return image + noise * np.float32(c.strength * 6.4 / 255)
