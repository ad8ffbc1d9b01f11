"""Elastic distortion: an affine map, then a smooth random field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from shiftproof.shifts.corruptions._draws import Array, Draws
from shiftproof.shifts.corruptions._filters import four_channels, gaussian, three_channels
from shiftproof.shifts.corruptions.constants import table
from shiftproof.shifts.corruptions.image_by_image import ImageByImage


class Elasticity(NamedTuple):
    """The field's size, its blur and the affine map's size, as shares of the image's shorter side."""

    alpha: float
    sigma: float
    pull: float


@dataclass(frozen=True)
class ElasticTransform(ImageByImage[Elasticity]):
    """A random affine map (three points moved by up to `pull`), then every pixel moved by alpha times uniform noise blurred by sigma.

    Constants are shares of the image's shorter side; those of ImageNet-C are multiplied by 244 / 224, a mistake of the published code that
    its files contain. Bilinear; the image is mirrored beyond its edge. As published, the distance from the clean image does not grow with
    every severity: 1 and 2 distort coarsely, 3 to 5 finely.

    Args:
        severity: in (0, 5].

    Params are (severity, seed), shape (n, 2).

    Needs the extra `corruptions`, which is OpenCV.

    Example:
        >>> import torch
        >>> from shiftproof.randomness import Rng
        >>> x, shift = torch.full((1, 3, 65, 65), 0.6), ElasticTransform(3)
        >>> bool(torch.allclose(shift.apply(x, shift.sample(x, Rng.for_ids(0, ["a"]))), x, atol=1e-6))  # plain stays plain
        True

    Reference: Hendrycks & Dietterich 2019, "Benchmarking neural network robustness to common corruptions and perturbations".
    """

    name: ClassVar[str] = "elastic_transform"
    by_opencv: ClassVar[bool] = True
    random: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ("hendrycks2019benchmarking",)
    published: ClassVar = {
        "imagenet_c": table(
            Elasticity, (0, 0.7, 0), (2, 0.7, 0.1), (2, 0.08, 0.2), (0.05, 0.01, 0.02), (0.07, 0.01, 0.02), (0.12, 0.01, 0.02)
        ),
        "cifar_10_c": table(
            Elasticity, (0, 0, 0), (0, 0, 0.08), (0.05, 0.2, 0.07), (0.08, 0.06, 0.06), (0.1, 0.04, 0.05), (0.1, 0.03, 0.03)
        ),
        "tiny_imagenet_c": table(
            Elasticity, (0, 0, 0), (0, 0, 0.08), (0.05, 0.3, 0.06), (0.1, 0.08, 0.06), (0.1, 0.03, 0.03), (0.16, 0.03, 0.02)
        ),
    }

    def picture(self, image: Array, c: Elasticity, draws: Draws) -> Array:
        import cv2

        height, width, channels = image.shape
        mistake = 244 / 224 if self.setting_for((channels, height, width)) == "imagenet_c" else 1.0
        alpha, sigma, pull = (share * min(height, width) * mistake for share in c)
        moved = four_channels(image)
        if pull:
            matrix = _affine((height, width), pull, draws)
            moved = np.asarray(cv2.warpAffine(moved, matrix, (width, height), borderMode=cv2.BORDER_REFLECT_101), dtype=np.float32)
        if not alpha:
            return three_channels(moved)
        down, right = (_field((height, width), alpha, sigma, draws) for _ in range(2))
        down += np.arange(height, dtype=np.float32)[:, None]
        right += np.arange(width, dtype=np.float32)
        read = cv2.remap(moved, right, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        return three_channels(np.asarray(read, dtype=np.float32))


def _affine(size: tuple[int, int], pull: float, draws: Draws) -> Array:
    """The map that carries three published points to places up to `pull` pixels away each way."""
    import cv2

    centre = np.array(size, dtype=np.float32) // 2
    arm = min(size) // 3
    points = np.stack([centre + arm, [centre[0] + arm, centre[1] - arm], centre - arm]).astype(np.float32)
    matrix = cv2.getAffineTransform(points, points + draws.uniform(3, 2, low=-pull, high=pull).astype(np.float32))
    return np.asarray(matrix)


def _field(size: tuple[int, int], alpha: float, sigma: float, draws: Draws) -> Array:
    """How far each pixel is moved along one axis."""
    noise = draws.rough(*size)
    noise *= np.float32(2)
    noise -= np.float32(1)
    moves = gaussian(noise, sigma, truncate=3.0, reflect=True)
    moves *= np.float32(alpha)
    return moves
