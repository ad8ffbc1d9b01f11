"""Drops on the lens: water, or at high severities mud."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from shiftproof.shifts.corruptions._draws import Array, Draws
from shiftproof.shifts.corruptions._filters import gaussian
from shiftproof.shifts.corruptions._grey import GREY
from shiftproof.shifts.corruptions.constants import table
from shiftproof.shifts.corruptions.image_by_image import ImageByImage

_WATER = np.array([175, 238, 238], dtype=np.float32) / np.float32(255)
_MUD = np.array([63, 42, 20], dtype=np.float32) / np.float32(255)


class Drops(NamedTuple):
    """Constants of the drops; `strength` is the light of water's edges or the blur of mud, and `mud` is 1 for mud and 0 for water."""

    mean: float
    spread: float
    sigma: float
    threshold: float
    strength: float
    mud: float


_IMAGENET_C = table(
    Drops,
    (0.65, 0.3, 4, 0.69, 0.6, 0),
    (0.65, 0.3, 3, 0.68, 0.6, 0),
    (0.65, 0.3, 2, 0.68, 0.5, 0),
    (0.65, 0.3, 1, 0.65, 1.5, 1),
    (0.67, 0.4, 1, 0.65, 1.5, 1),
)


@dataclass(frozen=True)
class Spatter(ImageByImage[Drops]):
    """Drops are normal noise (`mean`, `spread`) blurred by `sigma` and cut at `threshold`; water adds light at their edges, mud covers.

    In the MNIST-C setting all severities are mud of one grey. Between published severities the two images are mixed, as nothing lies
    between water and mud. As published for CIFAR-10-C and Tiny-ImageNet-C, the distance from the clean image falls from 3, the last of
    water, to 4, the first of mud.

    Args:
        severity: in (0, 5].

    Params are (severity, seed), shape (n, 2).

    Needs the extra `corruptions`, which is OpenCV.

    Example:
        >>> import torch
        >>> from shiftproof.randomness import Rng
        >>> x, shift = torch.ones(1, 3, 224, 224), Spatter(5)
        >>> moved = shift.apply(x, shift.sample(x, Rng.for_ids(0, ["a"])))
        >>> bool((moved.amax(1) < 0.5).float().mean() > 0.1)  # mud covers part of the image
        True

    Reference: Hendrycks & Dietterich 2019, "Benchmarking neural network robustness to common corruptions and perturbations". For grey
    digits: Mu & Gilmer 2019, "MNIST-C: a robustness benchmark for computer vision".
    """

    name: ClassVar[str] = "spatter"
    by_opencv: ClassVar[bool] = True
    random: ClassVar[bool] = True
    mixes: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ("hendrycks2019benchmarking", "mu2019mnist")
    published: ClassVar = {
        "imagenet_c": _IMAGENET_C,
        "cifar_10_c": table(
            Drops,
            (0.62, 0.1, 0.7, 0.7, 0.5, 0),
            (0.65, 0.1, 0.8, 0.7, 0.5, 0),
            (0.65, 0.3, 1, 0.69, 0.5, 0),
            (0.65, 0.1, 0.7, 0.69, 0.6, 1),
            (0.65, 0.1, 0.5, 0.68, 0.6, 1),
        ),
        "tiny_imagenet_c": table(
            Drops,
            (0.62, 0.1, 0.7, 0.7, 0.6, 0),
            (0.65, 0.1, 0.8, 0.7, 0.6, 0),
            (0.65, 0.3, 1, 0.69, 0.6, 0),
            (0.65, 0.1, 0.7, 0.68, 0.6, 1),
            (0.65, 0.1, 0.5, 0.67, 0.6, 1),
        ),
        "mnist_c": _IMAGENET_C,
    }

    def picture(self, image: Array, c: Drops, draws: Draws) -> Array:
        height, width, channels = image.shape
        digits = self.setting_for((channels, height, width)) == "mnist_c"
        noise = draws.normal(height, width) * np.float32(c.spread) + np.float32(c.mean)
        drops = gaussian(noise, c.sigma, truncate=4.0)
        drops[drops < np.float32(c.threshold)] = 0
        if c.mud or digits:
            cover = gaussian((drops > np.float32(c.threshold)).astype(np.float32), c.strength)
            cover[cover < np.float32(0.8)] = 0
            colour = _MUD[:1] if digits else _shade(_MUD, channels)
            return image * (1 - cover[..., None]) + colour * cover[..., None]
        return image + _edges(drops, c.strength)[..., None] * _shade(_WATER, channels)


def _shade(colour: Array, channels: int) -> Array:
    """A colour for images of so many channels."""
    return colour if channels == 3 else np.array([colour @ GREY], dtype=np.float32)


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
    share = strength / most if most else 0  # without drops the published code divides by 0
    return np.asarray(light * np.float32(share), dtype=np.float32)
