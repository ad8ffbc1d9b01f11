"""Flowing colours blended over the image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from shiftproof.shifts.corruptions._draws import Array, Draws
from shiftproof.shifts.corruptions._grey import GREY
from shiftproof.shifts.corruptions.constants import Strength, table
from shiftproof.shifts.corruptions.image_by_image import ImageByImage


@dataclass(frozen=True)
class PlasmaNoise(ImageByImage[Strength]):
    """(1 - a) x + a * plasma with a = 0.0251 strength.

    The plasma lies in [-1, 1]: 4 to 6 nested waves, one pattern for each of the three colours.

    Args:
        severity: in (0, 5].

    Params are (severity, seed), shape (n, 2).

    Example:
        >>> import torch
        >>> from shiftproof.randomness import Rng
        >>> x, shift = torch.full((1, 3, 224, 224), 0.5), PlasmaNoise(3)
        >>> moved = shift.apply(x, shift.sample(x, Rng.for_ids(0, ["a"])))
        >>> bool(moved.std() > 0.05)
        True

    Reference: Mintun, Kirillov & Xie 2021, "On interaction between augmentations and corruptions in natural corruption robustness".
    """

    name: ClassVar[str] = "plasma_noise"
    random: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ("mintun2021interaction",)
    published: ClassVar = {"imagenet_c_bar": table(Strength, 4.75, 7.0, 8.5, 9.25, 10.0)}

    def picture(self, image: Array, c: Strength, draws: Draws) -> Array:
        plasma = _plasma(image.shape[:2], draws)
        plasma = plasma if image.shape[2] == 3 else (plasma @ GREY)[..., None]
        share = np.float32(c.strength * 6.4 / 255)
        return image * (1 - share) + plasma * share


def _plasma(size: tuple[int, int], draws: Draws) -> Array:
    """The plasma of an image (height, width), shape (height, width, 3)."""
    time, folds, sharp = draws.number(0, 6 * np.pi), draws.whole(4, 7), draws.number(0.5, 1)
    scale = draws.number(0.075, 0.2) * min(size)
    # float32: the error of the sines is then 1e-5, far below a grey level.
    right = np.tile(np.arange(size[1], dtype=np.float32) / np.float32(scale), (size[0], 1))
    down = np.repeat(np.arange(size[0], dtype=np.float32)[:, None] / np.float32(scale), size[1], axis=1)
    wave, drift, fade = 1.0, 1.0, 1.0
    for _ in range(folds):
        phase = np.float32(time / drift)
        one = np.cos(down * np.float32(wave) + phase) * np.float32(1 / fade)
        two = np.sin(right * np.float32(wave) + phase) * np.float32(1 / fade)
        right += one - np.float32(0.3) * two
        down += two + np.float32(0.3) * one
        wave, drift, fade = wave * 1.93, drift * 1.15, fade * (2.25 - sharp)
    now = np.float32(time)
    red, blue = np.sin(right - now), np.sin(down + now)
    green = np.sin((right + down + np.sin(now)) * np.float32(0.5))
    return np.stack([red, green, blue], axis=-1)
