"""Snowfall: bright flakes blurred by wind over a paler image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from shiftproof.shifts.corruptions._draws import Array, Draws
from shiftproof.shifts.corruptions._filters import enlarged, enlarged_middle, motion_blurred
from shiftproof.shifts.corruptions._grey import GREY
from shiftproof.shifts.corruptions.constants import table
from shiftproof.shifts.corruptions.image_by_image import ImageByImage


class Flakes(NamedTuple):
    """Constants of the layer of flakes, and the share of the image that is kept."""

    mean: float
    spread: float
    zoom: float
    threshold: float
    radius: float
    sigma: float
    keep: float


@dataclass(frozen=True)
class Snow(ImageByImage[Flakes]):
    """keep * x + (1 - keep) * max(x, 1.5 * grey(x) + 0.5) + flakes + the flakes rotated by 180 degrees.

    Flakes are normal noise (`mean`, `spread`) enlarged `zoom` times, set to 0 below `threshold`, and blurred along a steep direction with
    the kernel of `motion_blur` (`radius`, `sigma`).

    Args:
        severity: in (0, 5].

    Params are (severity, seed), shape (n, 2).

    Needs the extra `corruptions`, which is OpenCV.

    Example:
        >>> import torch
        >>> from shiftproof.randomness import Rng
        >>> x, shift = torch.zeros(1, 3, 224, 224), Snow(3)
        >>> moved = shift.apply(x, shift.sample(x, Rng.for_ids(0, ["a"])))
        >>> bool(moved.min() >= 0.15)  # black becomes at least 0.3 * 0.5
        True

    Reference: Hendrycks & Dietterich 2019, "Benchmarking neural network robustness to common corruptions and perturbations".
    """

    name: ClassVar[str] = "snow"
    by_opencv: ClassVar[bool] = True
    random: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ("hendrycks2019benchmarking",)
    published: ClassVar = {
        "imagenet_c": table(
            Flakes,
            (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
            (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
            (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
            (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
            (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
        ),
        "cifar_10_c": table(
            Flakes,
            (0.1, 0.2, 1, 0.6, 8, 3, 0.95),
            (0.1, 0.2, 1, 0.5, 10, 4, 0.9),
            (0.15, 0.3, 1.75, 0.55, 10, 4, 0.9),
            (0.25, 0.3, 2.25, 0.6, 12, 6, 0.85),
            (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8),
        ),
        "tiny_imagenet_c": table(
            Flakes,
            (0.1, 0.2, 1, 0.6, 8, 3, 0.8),
            (0.1, 0.2, 1, 0.5, 10, 4, 0.8),
            (0.15, 0.3, 1.75, 0.55, 10, 4, 0.7),
            (0.25, 0.3, 2.25, 0.6, 12, 6, 0.65),
            (0.3, 0.3, 1.25, 0.65, 14, 12, 0.6),
        ),
    }

    def picture(self, image: Array, c: Flakes, draws: Draws) -> Array:
        import cv2

        size = image.shape[:2]
        # Only the part that is enlarged and kept is drawn: the rest of the published layer is cut off.
        flakes = draws.normal(*(enlarged(side, c.zoom)[0] for side in size)) * np.float32(c.spread) + np.float32(c.mean)
        flakes = enlarged_middle(flakes, c.zoom, size)
        flakes *= flakes >= np.float32(c.threshold)
        flakes = np.floor(np.clip(flakes, 0, 1, out=flakes) * np.float32(255)) * np.float32(1 / 255)
        flakes = motion_blurred(flakes, c.radius, c.sigma, draws.number(-135, -45))
        both = _every_channel(flakes + cv2.flip(flakes, -1), image)
        pale = _every_channel((image[..., 0] if image.shape[2] == 1 else image @ GREY) * np.float32(1.5) + np.float32(0.5), image)
        np.maximum(image, pale, out=pale)
        pale *= np.float32(1 - c.keep)
        pale += image * np.float32(c.keep)
        pale += both
        return pale


def _every_channel(layer: Array, image: Array) -> Array:
    """A layer (h, w) repeated for each channel of the image: sums without broadcasting over channels are several times as fast."""
    import cv2

    wide = cv2.cvtColor(layer, cv2.COLOR_GRAY2RGB) if image.shape[2] == 3 else layer
    return np.asarray(wide, dtype=np.float32).reshape(image.shape)
