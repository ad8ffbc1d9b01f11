"""Frost on the window: ice crystals over a darker picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from shiftproof.shifts.corruptions._draws import Array, Draws
from shiftproof.shifts.corruptions._ice import PUBLISHED, texture
from shiftproof.shifts.corruptions.image_by_image import ImageByImage
from shiftproof.shifts.corruptions.snow import LIGHT

_SCALES = {"cifar_10_c": 0.2, "tiny_imagenet_c": 0.3}


@dataclass(frozen=True)
class Frost(ImageByImage):
    """keep * x + ice * texture, cut at a random place from one of five textures.

    (keep, ice) is (1, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75) above 64 pixels (ImageNet-C), (1, 0.3), (0.9, 0.4), (0.8,
    0.45), (0.75, 0.5), (0.7, 0.55) up to 64 (Tiny-ImageNet-C), (1, 0.2), (1, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45) up to 32
    (CIFAR-10-C).

    Args:
        severity: in (0, 5].
        textures: folder with the authors' photographs frost1.png to frost5.jpg, which this package does not hold. Empty: textures of drawn
            ice crystals, of similar light and spread; numbers measured with them are not those of the published files.

    Params are (severity, seed), shape (n, 2). Images larger than a texture have it enlarged.

    Example:
        >>> import torch
        >>> from shiftproof.randomness import Rng
        >>> x, shift = torch.zeros(1, 3, 96, 96), Frost(3)
        >>> moved = shift.apply(x, shift.sample(x, Rng.for_ids(0, ["a"])))
        >>> bool(moved.mean() > 0.2)  # ice on black
        True

    Reference: Hendrycks & Dietterich 2019, "Benchmarking neural network robustness to common corruptions and perturbations".
    """

    name: ClassVar[str] = "frost"
    random: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ("hendrycks2019benchmarking",)
    published: ClassVar = {
        "imagenet_c": ((1.0, 0.0), (1.0, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75)),
        "cifar_10_c": ((1.0, 0.0), (1.0, 0.2), (1.0, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45)),
        "tiny_imagenet_c": ((1.0, 0.0), (1.0, 0.3), (0.9, 0.4), (0.8, 0.45), (0.75, 0.5), (0.7, 0.55)),
    }

    textures: str = ""

    def picture(self, image: Array, constants: tuple[float, ...], draws: Draws) -> Array:
        height, width, channels = image.shape
        scale = _SCALES.get(self.setting_for((channels, height, width)), 1.0)
        which, down, right = draws.uniform(3).tolist()
        pane = texture(int(which * len(PUBLISHED)), self.textures, scale)
        if pane.shape[0] <= height or pane.shape[1] <= width:
            grow = 1.1 * max(height / pane.shape[0], width / pane.shape[1])
            pane = texture(int(which * len(PUBLISHED)), self.textures, scale * grow)
        top, left = int(down * (pane.shape[0] - height)), int(right * (pane.shape[1] - width))
        ice = pane[top : top + height, left : left + width]
        ice = ice if channels == 3 else (ice @ LIGHT)[..., None]
        return image * np.float32(constants[0]) + ice * np.float32(constants[1])
