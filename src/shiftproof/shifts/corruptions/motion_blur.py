"""Motion blur: the image averaged along one direction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from shiftproof.shifts.corruptions._draws import Array, Draws
from shiftproof.shifts.corruptions._filters import motion_blurred
from shiftproof.shifts.corruptions.constants import table
from shiftproof.shifts.corruptions.image_by_image import ImageByImage


class Trail(NamedTuple):
    """The radius of the kernel and the standard deviation of its weights, in pixels."""

    radius: float
    sigma: float


_IMAGENET_C = table(Trail, (10.0, 0.0), (10.0, 3.0), (15.0, 5.0), (15.0, 8.0), (15.0, 12.0), (20.0, 15.0))


@dataclass(frozen=True)
class MotionBlur(ImageByImage[Trail]):
    """The average along a direction within 45 degrees of the horizontal, with weights of half a Gaussian of `sigma` pixels.

    The kernel is ImageMagick's, which the published code calls: 2 radius + 1 taps on whole pixels, edges repeated, the result rounded to
    whole grey levels. Between severities the radius is rounded up to whole pixels.

    Args:
        severity: in (0, 5].

    Params are (severity, seed), shape (n, 2); the seed draws the direction.

    Example:
        >>> import torch
        >>> from shiftproof.randomness import Rng
        >>> x, shift = torch.zeros(1, 1, 65, 65), MotionBlur(3)
        >>> x[..., 32, 32] = 1
        >>> moved = shift.apply(x, shift.sample(x, Rng.for_ids(0, ["a"])))
        >>> bool(abs(moved.sum() - 1) < 0.03)  # the light is spread along a line
        True

    Reference: Hendrycks & Dietterich 2019, "Benchmarking neural network robustness to common corruptions and perturbations".
    """

    name: ClassVar[str] = "motion_blur"
    random: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ("hendrycks2019benchmarking", "mu2019mnist")
    published: ClassVar = {
        "imagenet_c": _IMAGENET_C,
        "cifar_10_c": table(Trail, (6.0, 0.0), (6.0, 1.0), (6.0, 1.5), (6.0, 2.0), (8.0, 2.0), (9.0, 2.5)),
        "tiny_imagenet_c": table(Trail, (10.0, 0.0), (10.0, 1.0), (10.0, 1.5), (10.0, 2.0), (10.0, 2.5), (12.0, 3.0)),
        "mnist_c": _IMAGENET_C,
    }

    def picture(self, image: Array, c: Trail, draws: Draws) -> Array:
        moved = motion_blurred(image, c.radius, c.sigma, draws.number(-45, 45)) if c.sigma else image
        moved = moved * np.float32(255)
        np.rint(moved, out=moved)  # ImageMagick rounds to whole levels
        moved *= np.float32(1 / 255)
        return moved
