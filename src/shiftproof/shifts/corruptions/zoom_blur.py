"""Zoom blur: the average of ever larger copies of the image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from shiftproof.shifts.corruptions._draws import Array, Draws
from shiftproof.shifts.corruptions._filters import four_channels, three_channels, zoomed
from shiftproof.shifts.corruptions.constants import table
from shiftproof.shifts.corruptions.image_by_image import ImageByImage


class Layers(NamedTuple):
    """The largest factor, and how many factors there are."""

    most: float
    layers: float


_SMALL = table(Layers, (1.0, 7.0), (1.06, 7.0), (1.11, 12.0), (1.15, 16.0), (1.20, 21.0), (1.25, 26.0))


@dataclass(frozen=True)
class ZoomBlur(ImageByImage[Layers]):
    """(x + sum of x enlarged by each of `layers` factors from 1 to `most`) / (layers + 1), evenly spaced, about the centre.

    Factors are spaced as the published np.arange(1, 1.11, 0.01) spaces them. Between severities the number of layers is rounded.

    Args:
        severity: in (0, 5].

    Params are (severity,), shape (n, 1).

    Needs the extra `corruptions`, which is OpenCV.

    Example:
        >>> import torch
        >>> x = torch.full((1, 3, 65, 65), 0.25)
        >>> bool(torch.allclose(ZoomBlur(3).apply(x, torch.tensor([[3.0]])), x, atol=1e-6))  # plain stays plain
        True

    Reference: Hendrycks & Dietterich 2019, "Benchmarking neural network robustness to common corruptions and perturbations".
    """

    name: ClassVar[str] = "zoom_blur"
    by_opencv: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ("hendrycks2019benchmarking",)
    published: ClassVar = {
        "imagenet_c": table(Layers, (1.0, 12.0), (1.11, 12.0), (1.15, 16.0), (1.20, 11.0), (1.24, 13.0), (1.30, 11.0)),
        "cifar_10_c": _SMALL,
        "tiny_imagenet_c": _SMALL,
    }

    def picture(self, image: Array, c: Layers, draws: Draws) -> Array:
        layers = round(c.layers)
        wide = four_channels(image)
        total = wide + wide  # the image itself, and the factor 1
        # As np.arange spaces them, rounding included: whether a factor is just below or above 1.12 decides how many pixels are kept.
        step = (1 + round((c.most - 1) / (layers - 1), 9)) - 1
        for layer in range(1, layers):
            total += zoomed(wide, 1 + layer * step)
        total *= np.float32(1 / (layers + 1))
        return three_channels(total)
