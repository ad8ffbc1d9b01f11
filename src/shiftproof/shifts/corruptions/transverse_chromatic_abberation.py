"""A lens that bends colours differently."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from shiftproof.shifts.corruptions._draws import Array, Draws
from shiftproof.shifts.corruptions.image_by_image import ImageByImage


@dataclass(frozen=True)
class TransverseChromaticAbberation(ImageByImage):
    """Three channels enlarged about the centre by 1, 1 + 0.025 s and 1 + 0.05 s, in random order, by cubic B-splines that smooth.

    s is 1.0, 2.0, 5.0, 9.0, 10.0 (CIFAR-10-C-bar). The result lies on whole grey levels, to the nearest, as published. Below severity 1 the
    clean image and the picture at 1 are mixed.

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
    published: ClassVar = {"cifar_10_c_bar": ((1.0,), (2.0,), (5.0,), (9.0,), (10.0,))}

    def picture(self, image: Array, constants: tuple[float, ...], draws: Draws) -> Array:
        from scipy import ndimage

        sizes = np.array([1, 1 + constants[0] * 0.025, 1 + constants[0] * 0.05])[np.argsort(draws.uniform(3))]
        height, width = image.shape[:2]
        moved = np.empty_like(image)
        for channel, size in enumerate(sizes):
            large = ndimage.zoom(image[..., channel], size, prefilter=False)
            top, left = (large.shape[0] - height) // 2, (large.shape[1] - width) // 2
            moved[..., channel] = large[top : top + height, left : left + width]
        return np.rint(moved * np.float32(255)) * np.float32(1 / 255)
