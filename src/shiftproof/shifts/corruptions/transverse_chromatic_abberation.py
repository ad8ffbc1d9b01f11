"""Chromatic aberration: a lens that magnifies colours differently."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from shiftproof.shifts.corruptions._draws import Array, Draws
from shiftproof.shifts.corruptions.constants import Strength, table
from shiftproof.shifts.corruptions.image_by_image import ImageByImage


@dataclass(frozen=True)
class TransverseChromaticAbberation(ImageByImage[Strength]):
    """The channels enlarged about the centre by 1, 1 + 0.025 strength and 1 + 0.05 strength, in random order.

    Interpolated by smoothing cubic B-splines; the result is rounded to whole grey levels, as published.

    Args:
        severity: in (0, 5].

    Params are (severity, seed), shape (n, 2).

    Example:
        >>> import torch
        >>> from shiftproof.randomness import Rng
        >>> x, shift = torch.full((1, 3, 32, 32), 0.5), TransverseChromaticAbberation(3)
        >>> moved = shift.apply(x, shift.sample(x, Rng.for_ids(0, ["a"])))
        >>> bool(torch.allclose(moved, x, atol=1 / 255))  # plain stays plain, to the nearest level
        True

    Reference: Mintun, Kirillov & Xie 2021, "On interaction between augmentations and corruptions in natural corruption robustness".
    """

    name: ClassVar[str] = "transverse_chromatic_abberation"
    random: ClassVar[bool] = True
    colour: ClassVar[str] = "grey images have no colours to part"
    references: ClassVar[tuple[str, ...]] = ("mintun2021interaction",)
    published: ClassVar = {"cifar_10_c_bar": table(Strength, 1.0, 2.0, 5.0, 9.0, 10.0)}

    def picture(self, image: Array, c: Strength, draws: Draws) -> Array:
        from scipy import ndimage

        sizes = np.array([1, 1 + c.strength * 0.025, 1 + c.strength * 0.05])[np.argsort(draws.uniform(3))]
        height, width = image.shape[:2]
        moved = np.empty_like(image)
        for channel, size in enumerate(sizes):
            large = ndimage.zoom(image[..., channel], size, prefilter=False)
            top, left = (large.shape[0] - height) // 2, (large.shape[1] - width) // 2
            moved[..., channel] = large[top : top + height, left : left + width]
        return np.rint(moved * np.float32(255)) * np.float32(1 / 255)
