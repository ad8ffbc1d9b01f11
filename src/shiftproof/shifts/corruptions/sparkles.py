"""Five bright stars over the image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from shiftproof.shifts.corruptions._draws import Array, Draws
from shiftproof.shifts.corruptions._stars import rays
from shiftproof.shifts.corruptions.constants import Strength, table
from shiftproof.shifts.corruptions.image_by_image import ImageByImage


@dataclass(frozen=True)
class Sparkles(ImageByImage[Strength]):
    """Mixed with white by the light of five stars at random places.

    Each has 50 to 199 uneven rays with a radius of 0.01 strength of the shorter side.

    Args:
        severity: in (0, 5].

    Params are (severity, seed), shape (n, 2).

    Example:
        >>> import torch
        >>> from shiftproof.randomness import Rng
        >>> x, shift = torch.zeros(1, 3, 224, 224), Sparkles(3)
        >>> moved = shift.apply(x, shift.sample(x, Rng.for_ids(0, ["a"])))
        >>> bool(moved.max() > 0.9), bool(moved.mean() < 0.5)
        (True, True)

    Reference: Mintun, Kirillov & Xie 2021, "On interaction between augmentations and corruptions in natural corruption robustness".
    """

    name: ClassVar[str] = "sparkles"
    random: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ("mintun2021interaction",)
    published: ClassVar = {
        "imagenet_c_bar": table(Strength, 1.0, 2.0, 3.0, 5.0, 6.0),
        "cifar_10_c_bar": table(Strength, 0.7, 3.5, 5.6, 6.3, 7.0),
    }

    def picture(self, image: Array, c: Strength, draws: Draws) -> Array:
        height, width = image.shape[:2]
        radius = c.strength * 0.01 * min(height, width)
        places = draws.uniform(5, 2) * (height, width)
        counts = [draws.whole(50, 200) for _ in range(5)]
        moved = image
        for place, count in zip(places, counts, strict=True):
            lengths = np.maximum(radius + 0.25 * radius * draws.normal(count), 1)
            light = rays((height, width), place, lengths, power=1.0)[..., None]
            moved = moved + light * (1 - moved)
        return moved
