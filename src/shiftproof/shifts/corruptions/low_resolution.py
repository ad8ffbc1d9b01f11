"""Low resolution: the image shrunk and smoothly enlarged again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch.nn import functional as F

from shiftproof.shifts.corruptions._draws import Array, Draws
from shiftproof.shifts.corruptions.constants import Reduction, table
from shiftproof.shifts.corruptions.image_by_image import ImageByImage


@dataclass(frozen=True)
class LowResolution(ImageByImage[Reduction]):
    """Shrunk to 128, 64, 48, 32 or 16 pixels of 224, and enlarged again, bicubic both ways.

    128, 64, 32 and 16 are the sides of LR0.FM; the level of 48 is ours until it is checked against the paper. Smaller and larger images
    shrink by the same shares, to at least one pixel.

    Args:
        severity: in (0, 5].

    Params are (severity,), shape (n, 1). Between severities the scale is interpolated, and sides are rounded to whole pixels.

    Example:
        >>> import torch
        >>> x = torch.full((1, 3, 64, 64), 0.5)
        >>> bool(torch.allclose(LowResolution(3).apply(x, torch.tensor([[3.0]])), x, atol=1e-6))  # plain stays plain
        True

    Reference: Pathak et al. 2025, "LR0.FM: low-res benchmark and improving robustness for zero-shot classification in foundation models".
    """

    name: ClassVar[str] = "low_resolution"
    references: ClassVar[tuple[str, ...]] = ("pathak2025lr0fm",)
    published: ClassVar = {"lr0_fm": table(Reduction, 1.0, 128 / 224, 64 / 224, 48 / 224, 32 / 224, 16 / 224)}

    def picture(self, image: Array, c: Reduction, draws: Draws) -> Array:
        size = image.shape[:2]
        few = [max(1, round(side * c.scale)) for side in size]
        x = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))[None]
        small = F.interpolate(x, size=few, mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)
        large = F.interpolate(small, size=list(size), mode="bicubic", antialias=True, align_corners=False)
        return large[0].numpy().transpose(1, 2, 0)
