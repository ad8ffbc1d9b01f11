"""Wavy rings around a point, a sawtooth from dark to light on each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from shiftproof.shifts.corruptions._draws import Array, Draws
from shiftproof.shifts.corruptions.constants import Strength, table
from shiftproof.shifts.corruptions.image_by_image import ImageByImage


@dataclass(frozen=True)
class CocentricSineWaves(ImageByImage[Strength]):
    """x + 0.0502 strength * (((d + a sin(k angle)) mod w) / w - 1/2), with d the distance from a random point and a, k, w random.

    Args:
        severity: in (0, 5].

    Params are (severity, seed), shape (n, 2).

    Example:
        >>> import torch
        >>> from shiftproof.randomness import Rng
        >>> x, shift = torch.full((1, 3, 224, 224), 0.5), CocentricSineWaves(5)
        >>> moved = shift.apply(x, shift.sample(x, Rng.for_ids(0, ["a"])))
        >>> bool((moved - x).abs().max() <= 0.252)
        True

    Reference: Mintun, Kirillov & Xie 2021, "On interaction between augmentations and corruptions in natural corruption robustness".
    """

    name: ClassVar[str] = "cocentric_sine_waves"
    random: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ("mintun2021interaction",)
    published: ClassVar = {"imagenet_c_bar": table(Strength, 3.0, 5.0, 8.0, 9.0, 10.0)}

    def picture(self, image: Array, c: Strength, draws: Draws) -> Array:
        height, width = image.shape[:2]
        side = min(height, width)
        right, down = draws.uniform(2).tolist()
        waves, wobble, ring = draws.number(0, 10), draws.number(0, side / 10), draws.number(0, side / 10)
        aside = np.arange(width) - right * width
        below = np.arange(height)[:, None] - down * height
        angle = np.arctan2(aside, below) * waves
        saw = (np.hypot(aside, below) + np.sin(angle) * wobble) % ring / ring - 0.5
        return image + saw.astype(np.float32)[..., None] * np.float32(c.strength * 12.8 / 255)
