"""Blur by rotation of the camera about its axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from shiftproof.shifts.corruptions._draws import Array, Draws
from shiftproof.shifts.corruptions.constants import Strength, table
from shiftproof.shifts.corruptions.image_by_image import ImageByImage


@dataclass(frozen=True)
class CircularMotionBlur(ImageByImage[Strength]):
    """The weighted mean of 21 rotations by up to 1.5 strength degrees either way, cubic; black enters from outside.

    A rotation by t of the largest angle has weight exp(-2 t^2).

    Args:
        severity: in (0, 5].

    Params are (severity,), shape (n, 1).

    Example:
        >>> import torch
        >>> x, shift = torch.full((1, 3, 32, 32), 0.5), CircularMotionBlur(3)
        >>> moved = shift.apply(x, torch.tensor([[3.0]]))
        >>> round(float(moved[0, 0, 16, 16]), 4)
        0.5

    Reference: Mintun, Kirillov & Xie 2021, "On interaction between augmentations and corruptions in natural corruption robustness".
    """

    name: ClassVar[str] = "circular_motion_blur"
    references: ClassVar[tuple[str, ...]] = ("mintun2021interaction",)
    published: ClassVar = {"cifar_10_c_bar": table(Strength, 2.8, 3.6, 4.4, 5.2, 6.0)}

    def picture(self, image: Array, c: Strength, draws: Draws) -> Array:
        from scipy import ndimage

        shares = np.linspace(-1, 1, 21)
        weights = np.exp(-2 * shares**2)
        height, width = image.shape[:2]
        middle = np.array([(height - 1) / 2, (width - 1) / 2])
        total = np.zeros(image.shape)
        for channel in range(image.shape[2]):
            smooth = ndimage.spline_filter(image[..., channel].astype(np.float64), mode="constant")
            for share, weight in zip(shares, weights, strict=True):
                angle = np.deg2rad(share * c.strength * 1.5)
                turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
                total[..., channel] += weight * ndimage.affine_transform(smooth, turn, middle - turn @ middle, prefilter=False)
        return (total / weights.sum()).astype(np.float32)
