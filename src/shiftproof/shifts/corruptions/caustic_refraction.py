"""The image seen through moving water."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from shiftproof._arrays import Floats
from shiftproof.shifts.corruptions._draws import Array, Draws
from shiftproof.shifts.corruptions.constants import Strength, table
from shiftproof.shifts.corruptions.image_by_image import ImageByImage


@dataclass(frozen=True)
class CausticRefraction(ImageByImage[Strength]):
    """The image refracted by a surface of caustics.

    Pixels are displaced by up to 0.05 strength of the sides and brightened by 0.2 strength times the slope of the caustics.

    Args:
        severity: in (0, 5].

    Params are (severity, seed), shape (n, 2).

    Needs the extra `corruptions`, which is OpenCV.

    Example:
        >>> import torch
        >>> from shiftproof.randomness import Rng
        >>> x, shift = torch.full((1, 3, 224, 224), 0.5), CausticRefraction(3)
        >>> moved = shift.apply(x, shift.sample(x, Rng.for_ids(0, ["a"])))
        >>> bool((moved - x).abs().mean() > 0.01)
        True

    Reference: Mintun, Kirillov & Xie 2021, "On interaction between augmentations and corruptions in natural corruption robustness".
    """

    name: ClassVar[str] = "caustic_refraction"
    by_opencv: ClassVar[bool] = True
    random: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ("mintun2021interaction",)
    published: ClassVar = {"imagenet_c_bar": table(Strength, 2.35, 3.2, 4.9, 6.6, 9.15)}

    def picture(self, image: Array, c: Strength, draws: Draws) -> Array:
        import cv2

        height, width = image.shape[:2]
        side = min(height, width)
        water = _caustics((height, width), draws.number(0.5, 2), draws.number(0.75, 1.25) * side)
        padded = np.pad(water, 1)
        across, down = padded[1:-1, 2:] - padded[1:-1, :-2], padded[2:, 1:-1] - padded[:-2, 1:-1]
        below, aside = _displacement(down, across, c.strength * 0.05 * side)
        rows = (np.arange(height)[:, None] + below).astype(np.float32)
        columns = (np.arange(width) + aside).astype(np.float32)
        read = cv2.remap(image, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        return (
            np.asarray(read, dtype=np.float32).reshape(image.shape) + ((down - across) * (c.strength * 0.2)).astype(np.float32)[..., None]
        )


def _caustics(size: tuple[int, int], time: float, period: float) -> Floats:
    """The light at the bottom of the water, in [0, 1], shape (height, width), blurred by one pixel."""
    from scipy import ndimage

    down, right = (np.arange(side) / period % 1 * 6.28318530718 - 250 for side in size)
    shape = (down[:, None], right[None])
    one, two = np.broadcast_arrays(*shape)
    light = np.ones(size)
    for wave in range(5):
        now = time * (1 - 3.5 / (wave + 1))
        one, two = (
            shape[0] + np.cos(now - one) + np.sin(now + two),
            shape[1] + np.sin(now - two) + np.cos(now + one),
        )
        light += 1 / np.hypot(shape[0] * 0.005 / np.sin(one + now), shape[1] * 0.005 / np.cos(two + now))
    bright = np.clip(np.abs(1.17 - (light / 5) ** 1.4) ** 8, 0, 1)
    return np.asarray(ndimage.gaussian_filter(bright, 1.0), dtype=np.float64)


def _displacement(down: Floats, across: Floats, lens: float) -> tuple[Floats, Floats]:
    """How far a vertical ray is displaced by a surface of these slopes, at a refractive index of 4."""
    length = np.sqrt(down**2 + across**2 + 1)
    upright = 1 / length
    tilt = np.sqrt(np.maximum(1 - upright**2, 1e-30))
    inside = np.arcsin(tilt / 4)
    share = np.where(upright >= 1 - 1e-3, 0, (np.cos(inside) - upright / tilt * np.sin(inside)) / length) * lens
    return np.round(down * share, 3), np.round(across * share, 3)
