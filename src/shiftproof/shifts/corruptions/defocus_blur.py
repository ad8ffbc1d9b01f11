"""Defocus: every point becomes a disc."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, NamedTuple

import numpy as np

from shiftproof.shifts.corruptions._draws import Array, Draws
from shiftproof.shifts.corruptions.constants import table
from shiftproof.shifts.corruptions.image_by_image import ImageByImage


class Disc(NamedTuple):
    """A disc of this radius, its edge softened by a Gaussian of standard deviation `alias`, both in pixels."""

    radius: float
    alias: float


@dataclass(frozen=True)
class DefocusBlur(ImageByImage[Disc]):
    """Convolution with a disc of `radius` pixels whose edge is softened by a Gaussian of `alias` pixels; edges are mirrored.

    Args:
        severity: in (0, 5].

    Params are (severity,), shape (n, 1). The disc is drawn on whole pixels, so between published severities the two images are mixed.

    Needs the extra `corruptions`, which is OpenCV.

    Example:
        >>> import torch
        >>> x = torch.zeros(1, 1, 65, 65)
        >>> x[..., 32, 32] = 1
        >>> moved = DefocusBlur(5).apply(x, torch.tensor([[1.0]]))  # 29 pixels lie within 3 of a pixel
        >>> round(1 / float(moved.max()))
        29

    Reference: Hendrycks & Dietterich 2019, "Benchmarking neural network robustness to common corruptions and perturbations".
    """

    name: ClassVar[str] = "defocus_blur"
    by_opencv: ClassVar[bool] = True
    mixes: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ("hendrycks2019benchmarking",)
    published: ClassVar = {
        "imagenet_c": table(Disc, (3.0, 0.1), (4.0, 0.5), (6.0, 0.5), (8.0, 0.5), (10.0, 0.5)),
        "cifar_10_c": table(Disc, (0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1.0, 0.2), (1.5, 0.1)),
        "tiny_imagenet_c": table(Disc, (0.5, 0.6), (1.0, 0.1), (1.5, 0.1), (2.5, 0.01), (3.0, 0.1)),
    }

    def picture(self, image: Array, c: Disc, draws: Draws) -> Array:
        import cv2

        return np.asarray(cv2.filter2D(image, -1, _kernel(c)), dtype=np.float32).reshape(image.shape)


@lru_cache(maxsize=64)
def _kernel(c: Disc) -> Array:
    import cv2

    reach, side = (8, 3) if c.radius <= 8 else (int(c.radius), 5)
    place = np.arange(-reach, reach + 1)
    disc = (place[:, None] ** 2 + place**2 <= c.radius**2).astype(np.float32)
    kernel = np.asarray(cv2.GaussianBlur(disc / disc.sum(), (side, side), sigmaX=c.alias))
    spare = int(np.argmax(kernel.any(axis=0)))  # empty lines at the edges cost time
    return np.ascontiguousarray(kernel[spare : len(kernel) - spare, spare : len(kernel) - spare])
