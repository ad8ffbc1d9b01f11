"""Too few pixels: the image shrunk and enlarged again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.corruptions._boxes import squares
from shiftproof.shifts.corruptions.constants import Reduction, table
from shiftproof.shifts.corruptions.image_by_image import OnLevels
from shiftproof.shifts.corruptions.stored import Bytes


@dataclass(frozen=True)
class Pixelate(OnLevels[Reduction]):
    """Shrunk to `scale` of its sides by averages over boxes, and enlarged to squares, on whole grey levels (Pillow's BOX).

    Between severities the scale is interpolated, and sides are rounded down to whole pixels.

    Args:
        severity: in (0, 5].

    Params are (severity,), shape (n, 1).

    Example:
        >>> import torch
        >>> x = torch.rand(1, 3, 224, 224)
        >>> moved = Pixelate(5).apply(x, torch.tensor([[5.0]]))  # to 56 pixels per side
        >>> bool((moved[..., :4, :4] == moved[..., :1, :1]).all())
        True

    Reference: Hendrycks & Dietterich 2019, "Benchmarking neural network robustness to common corruptions and perturbations".
    """

    name: ClassVar[str] = "pixelate"
    references: ClassVar[tuple[str, ...]] = ("hendrycks2019benchmarking",)
    published: ClassVar = {
        "imagenet_c": table(Reduction, 1.0, 0.6, 0.5, 0.4, 0.3, 0.25),
        "cifar_10_c": table(Reduction, 1.0, 0.95, 0.9, 0.85, 0.75, 0.65),
        "tiny_imagenet_c": table(Reduction, 1.0, 0.9, 0.8, 0.7, 0.6, 0.5),
    }

    def levels(self, image: Bytes, c: Reduction) -> Bytes:
        return squares(image, _size(image, c))

    def levels_into(self, image: Bytes, c: Reduction, target: Bytes) -> None:
        squares(image, _size(image, c), out=target)


def _size(image: Bytes, c: Reduction) -> tuple[int, int]:
    height, width = image.shape[:2]
    return int(height * c.scale), int(width * c.scale)
