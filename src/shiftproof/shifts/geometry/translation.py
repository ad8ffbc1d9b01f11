"""Translation: the image moved sideways and up or down."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from shiftproof.shifts.abstract import Params
from shiftproof.shifts.geometry.spatial import PUBLISHED, Spatial


@dataclass(frozen=True)
class Translation(Spatial):
    """A move by (dx, dy) pixels, each in [-pixels, pixels], bilinear; what enters from outside is black (the box's least).

    Args:
        pixels: largest move in each direction, in (0, inf), in pixels; fractions are allowed.

    Params are (dx, dy) in pixels, shape (n, 2); positive numbers move the image right and down.

    Guarantees:
        Whole moves are exact, and (0, 0) changes no bit. Differentiable in both; at a whole move the derivative is that from the right.

    Example:
        >>> import torch
        >>> x = torch.tensor([[1.0, 0.0], [0.0, 0.0]]).reshape(1, 1, 2, 2)
        >>> Translation(3).apply(x, torch.tensor([[0.5, 1.0]], dtype=torch.float64))[0, 0]
        tensor([[0.0000, 0.0000],
                [0.5000, 0.5000]])

    Reference: Engstrom et al. 2019, "Exploring the landscape of spatial robustness" (3 pixels of 28 or 32, 24 of 224).
    """

    name: ClassVar[str] = "translation"
    strength: ClassVar[str] = "pixels"

    pixels: float

    def check(self) -> None:
        super().check()
        self.require("pixels", within="(0, inf)", hint=PUBLISHED)

    def limits(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return (-self.pixels, -self.pixels), (self.pixels, self.pixels)

    def apply(self, x: Tensor, params: Params) -> Tensor:
        if not len(x):
            return x
        return torch.stack([self._slide(image, move) for image, move in zip(x, params, strict=True)])

    def _slide(self, image: Tensor, move: Tensor) -> Tensor:
        """One image (c, h, w). All pixels have the same fractional offset, so mixing two slices is the whole bilinear read."""
        height, width = image.shape[1:]
        right, down = move[0].clamp(-width, width), move[1].clamp(-height, height)
        over, under = math.floor(right.item()), math.floor(down.item())
        padded = F.pad(image, (over + 1, -over, under + 1, -under), value=self.space.low)
        rows = torch.lerp(padded[:, 1:], padded[:, :-1], (down - under).to(image.dtype))
        return torch.lerp(rows[..., 1:], rows[..., :-1], (right - over).to(image.dtype)).clamp(self.space.low, self.space.high)
