"""Frost: ice crystals over a darker image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from shiftproof.shifts.corruptions._draws import Array, Draws
from shiftproof.shifts.corruptions._frost_textures import PUBLISHED, texture
from shiftproof.shifts.corruptions._grey import GREY
from shiftproof.shifts.corruptions.constants import table
from shiftproof.shifts.corruptions.image_by_image import ImageByImage

_SCALES = {"cifar_10_c": 0.2, "tiny_imagenet_c": 0.3}


class Frosting(NamedTuple):
    """The weights of the image and of the texture."""

    keep: float
    ice: float


@dataclass(frozen=True)
class Frost(ImageByImage[Frosting]):
    """keep * x + ice * texture, with the texture cut at a random place from one of five.

    Args:
        severity: in (0, 5].
        textures: folder with the authors' photographs frost1.png to frost5.jpg, which this package does not contain. Empty: textures of
            drawn ice crystals, of similar mean and spread; results with them differ from those with the published files.

    Params are (severity, seed), shape (n, 2). Textures are enlarged where an image is larger.

    Needs the extra `corruptions`, which is OpenCV.

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
    by_opencv: ClassVar[bool] = True
    random: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ("hendrycks2019benchmarking",)
    published: ClassVar = {
        "imagenet_c": table(Frosting, (1.0, 0.0), (1.0, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75)),
        "cifar_10_c": table(Frosting, (1.0, 0.0), (1.0, 0.2), (1.0, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45)),
        "tiny_imagenet_c": table(Frosting, (1.0, 0.0), (1.0, 0.3), (0.9, 0.4), (0.8, 0.45), (0.75, 0.5), (0.7, 0.55)),
    }

    textures: str = ""

    def picture(self, image: Array, c: Frosting, draws: Draws) -> Array:
        height, width, channels = image.shape
        scale = _SCALES.get(self.setting_for((channels, height, width)), 1.0)
        which, down, right = draws.uniform(3).tolist()
        pane = texture(int(which * len(PUBLISHED)), self.textures, scale)
        if pane.shape[0] <= height or pane.shape[1] <= width:
            grow = 1.1 * max(height / pane.shape[0], width / pane.shape[1])
            pane = texture(int(which * len(PUBLISHED)), self.textures, scale * grow)
        top, left = int(down * (pane.shape[0] - height)), int(right * (pane.shape[1] - width))
        ice = pane[top : top + height, left : left + width]
        ice = ice if channels == 3 else (ice @ GREY)[..., None]
        return image * np.float32(c.keep) + ice * np.float32(c.ice)
