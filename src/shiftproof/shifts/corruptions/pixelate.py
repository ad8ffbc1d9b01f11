"""Too few pixels: the picture shrunk and enlarged again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.corruptions.corruption import column
from shiftproof.shifts.corruptions.image_by_image import OnLevels
from shiftproof.shifts.corruptions.stored import Bytes, shrunk


@dataclass(frozen=True)
class Pixelate(OnLevels):
    """Shrunk to a share c of its sides by averages over boxes, and enlarged to squares, on whole grey levels (Pillow's BOX).

    c is 0.6, 0.5, 0.4, 0.3, 0.25 above 64 pixels (ImageNet-C), 0.9, 0.8, 0.7, 0.6, 0.5 up to 64 (Tiny-ImageNet-C), 0.95, 0.9, 0.85, 0.75,
    0.65 up to 32 (CIFAR-10-C). Between severities c is interpolated, and sides are whole pixels, rounded down.

    Args:
        severity: in (0, 5].

    Params are (severity,), shape (n, 1).

    Example:
        >>> import torch
        >>> x = torch.rand(1, 3, 224, 224)
        >>> moved = Pixelate(5).apply(x, torch.tensor([[5.0]]))  # to 56 pixels a side
        >>> bool((moved[..., :4, :4] == moved[..., :1, :1]).all())
        True

    Reference: Hendrycks & Dietterich 2019, "Benchmarking neural network robustness to common corruptions and perturbations".
    """

    name: ClassVar[str] = "pixelate"
    references: ClassVar[tuple[str, ...]] = ("hendrycks2019benchmarking",)
    published: ClassVar = {
        "imagenet_c": column(1.0, 0.6, 0.5, 0.4, 0.3, 0.25),
        "cifar_10_c": column(1.0, 0.95, 0.9, 0.85, 0.75, 0.65),
        "tiny_imagenet_c": column(1.0, 0.9, 0.8, 0.7, 0.6, 0.5),
    }

    def levels(self, image: Bytes, constants: tuple[float, ...]) -> Bytes:
        import cv2

        height, width = image.shape[:2]
        small = shrunk(image, (int(height * constants[0]), int(width * constants[0])))
        return cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST_EXACT).reshape(image.shape).astype("uint8", copy=False)
