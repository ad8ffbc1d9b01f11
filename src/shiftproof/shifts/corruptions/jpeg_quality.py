"""JPEG compression from good to poor quality."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.corruptions.constants import Quality, table
from shiftproof.shifts.corruptions.image_by_image import OnLevels
from shiftproof.shifts.corruptions.stored import Bytes, through_jpeg


@dataclass(frozen=True)
class JpegQuality(OnLevels[Quality]):
    """Written as JPEG and read again, on whole grey levels, chroma at half resolution.

    Qualities from 90 to 10: `jpeg_compression` begins at 25 for large images. Between severities the quality is interpolated and rounded.

    Args:
        severity: in (0, 5]. The scale is ours, not published.

    Params are (severity,), shape (n, 1).

    Example:
        >>> import torch
        >>> x = torch.full((1, 3, 64, 64), 0.5)
        >>> moved = JpegQuality(5).apply(x, torch.tensor([[5.0]]))
        >>> bool((moved == moved[..., :1, :1]).all())  # plain stays plain
        True

    Reference: ITU-T recommendation T.81.
    """

    name: ClassVar[str] = "jpeg_quality"
    published: ClassVar = {"own": table(Quality, 100, 90, 70, 50, 30, 10)}

    def levels(self, image: Bytes, c: Quality) -> Bytes:
        return through_jpeg(image, round(c.quality))
