"""Drops on the lens: water, or at high severities mud."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from shiftproof.shifts.corruptions._draws import Array, Draws
from shiftproof.shifts.corruptions._filters import gaussian
from shiftproof.shifts.corruptions.image_by_image import ImageByImage
from shiftproof.shifts.corruptions.snow import LIGHT

_WATER = np.array([175, 238, 238], dtype=np.float32) / np.float32(255)
_MUD = np.array([63, 42, 20], dtype=np.float32) / np.float32(255)
_IMAGENET_C = (
    (0.65, 0.3, 4, 0.69, 0.6, 0),
    (0.65, 0.3, 3, 0.68, 0.6, 0),
    (0.65, 0.3, 2, 0.68, 0.5, 0),
    (0.65, 0.3, 1, 0.65, 1.5, 1),
    (0.67, 0.4, 1, 0.65, 1.5, 1),
)


@dataclass(frozen=True)
class Spatter(ImageByImage):
    """Normal noise (mean, spread) blurred by sigma and cut at a threshold gives the drops; water adds light at their edges, mud covers.

    The six constants (mean, spread, sigma, threshold, strength, mud) are, from severity 1, (0.65, 0.3, 4, 0.69, 0.6, 0),
    (0.65, 0.3, 3, 0.68, 0.6, 0), (0.65, 0.3, 2, 0.68, 0.5, 0), (0.65, 0.3, 1, 0.65, 1.5, 1), (0.67, 0.4, 1, 0.65, 1.5, 1) above 64 pixels
    (ImageNet-C); those of Tiny-ImageNet-C and CIFAR-10-C stand in `published`. In the MNIST-C setting all severities are mud of one grey.
    Between published severities the two pictures are mixed, as there is nothing between water and mud.
    As published for CIFAR-10-C and Tiny-ImageNet-C, distances from the clean image fall from 3, the last of water, to 4, the first of mud.

    Args:
        severity: in (0, 5].

    Params are (severity, seed), shape (n, 2).

    Example:
        >>> import torch
        >>> from shiftproof.randomness import Rng
        >>> x, shift = torch.ones(1, 3, 224, 224), Spatter(5)
        >>> moved = shift.apply(x, shift.sample(x, Rng.for_ids(0, ["a"])))
        >>> bool((moved.amax(1) < 0.5).float().mean() > 0.1)  # mud covers a good part
        True

    Reference: Hendrycks & Dietterich 2019, "Benchmarking neural network robustness to common corruptions and perturbations". For grey
    digits: Mu & Gilmer 2019, "MNIST-C: a robustness benchmark for computer vision".
    """

    name: ClassVar[str] = "spatter"
    random: ClassVar[bool] = True
    mixes: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ("hendrycks2019benchmarking", "mu2019mnist")
    published: ClassVar = {
        "imagenet_c": _IMAGENET_C,
        "cifar_10_c": (
            (0.62, 0.1, 0.7, 0.7, 0.5, 0),
            (0.65, 0.1, 0.8, 0.7, 0.5, 0),
            (0.65, 0.3, 1, 0.69, 0.5, 0),
            (0.65, 0.1, 0.7, 0.69, 0.6, 1),
            (0.65, 0.1, 0.5, 0.68, 0.6, 1),
        ),
        "tiny_imagenet_c": (
            (0.62, 0.1, 0.7, 0.7, 0.6, 0),
            (0.65, 0.1, 0.8, 0.7, 0.6, 0),
            (0.65, 0.3, 1, 0.69, 0.6, 0),
            (0.65, 0.1, 0.7, 0.68, 0.6, 1),
            (0.65, 0.1, 0.5, 0.67, 0.6, 1),
        ),
        "mnist_c": _IMAGENET_C,
    }

    def picture(self, image: Array, constants: tuple[float, ...], draws: Draws) -> Array:
        mean, spread, sigma, threshold, strength, mud = constants
        height, width, channels = image.shape
        digits = self.setting_for((channels, height, width)) == "mnist_c"
        noise = draws.normal(height, width) * np.float32(spread) + np.float32(mean)
        drops = gaussian(noise, sigma, truncate=4.0)
        drops[drops < np.float32(threshold)] = 0
        if mud or digits:
            cover = gaussian((drops > np.float32(threshold)).astype(np.float32), strength)
            cover[cover < np.float32(0.8)] = 0
            colour = _MUD[:1] if digits else _shade(_MUD, channels)
            return image * (1 - cover[..., None]) + colour * cover[..., None]
        return image + _edges(drops, strength)[..., None] * _shade(_WATER, channels)


def _shade(colour: Array, channels: int) -> Array:
    """A colour for images of so many channels."""
    return colour if channels == 3 else np.array([colour @ LIGHT], dtype=np.float32)


def _edges(drops: Array, strength: float) -> Array:
    """How much light the edges of drops (h, w) add: their distance map, equalised and embossed, as published."""
    import cv2

    levels = (drops * np.float32(255)).astype(np.uint8)
    distance = cv2.distanceTransform(255 - cv2.Canny(levels, 50, 150), cv2.DIST_L2, 5)
    distance = cv2.blur(np.minimum(distance, 20), (3, 3)).astype(np.uint8)
    emboss = np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]])
    relief = cv2.blur(cv2.filter2D(cv2.equalizeHist(distance), cv2.CV_8U, emboss), (3, 3))
    light = levels * relief.astype(np.float32)
    most = float(light.max())
    return np.asarray(
        light * np.float32(strength / most if most else 0), dtype=np.float32
    )  # no drop: no light, where published divides by 0
