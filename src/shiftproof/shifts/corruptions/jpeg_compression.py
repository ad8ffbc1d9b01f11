"""JPEG compression at low quality."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.corruptions.constants import Quality, table
from shiftproof.shifts.corruptions.image_by_image import OnLevels
from shiftproof.shifts.corruptions.stored import Bytes, through_jpeg


@dataclass(frozen=True)
class JpegCompression(OnLevels[Quality]):
    """Written as JPEG and read again, on whole grey levels, chroma at half resolution.

    Between severities the quality is interpolated and rounded. For other qualities: `jpeg_quality`.

    Args:
        severity: in (0, 5].

    Params are (severity,), shape (n, 1).

    Example:
        >>> import torch
        >>> x = torch.full((1, 3, 64, 64), 0.5)
        >>> moved = JpegCompression(5).apply(x, torch.tensor([[5.0]]))
        >>> bool((moved == moved[..., :1, :1]).all())  # plain stays plain
        True

    Reference: Hendrycks & Dietterich 2019, "Benchmarking neural network robustness to common corruptions and perturbations".
    """

    name: ClassVar[str] = "jpeg_compression"
    references: ClassVar[tuple[str, ...]] = ("hendrycks2019benchmarking",)
    published: ClassVar = {
        "imagenet_c": table(Quality, 100, 25, 18, 15, 10, 7),
        "cifar_10_c": table(Quality, 100, 80, 65, 58, 50, 40),
        "tiny_imagenet_c": table(Quality, 100, 65, 58, 50, 40, 25),
    }

    def levels(self, image: Bytes, c: Quality) -> Bytes:
        return through_jpeg(image, round(c.quality))
