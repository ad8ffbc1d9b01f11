"""Saturation scaled and raised: colours too pale or too strong."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from shiftproof.data.space import Kind
from shiftproof.shifts.abstract import Params
from shiftproof.shifts.corruptions.constants import table
from shiftproof.shifts.corruptions.corruption import Corruption
from shiftproof.shifts.corruptions.stored import NUDGE, Bytes


class Saturation(NamedTuple):
    """The factor of the saturation, and what is added to it."""

    scale: float
    rise: float


@dataclass(frozen=True)
class Saturate(Corruption[Saturation]):
    """The saturation of HSV: s -> min(scale * s + rise, 1), with s = (v - least channel) / v and v the largest channel of a pixel.

    With hue and value kept no conversion is needed: distances from v scale by the same factor. Pixels without colour have the hue red, so a
    rise above 0 tints them, as published.

    Args:
        severity: in (0, 5].

    Params are (severity,), shape (n, 1). Differentiable. Published severities 1 and 2 remove colour and 3 to 5 add it: the scale passes
    through the clean image between 2 and 3, so the damage does not grow there.

    Example:
        >>> import torch
        >>> x = torch.tensor([0.8, 0.4, 0.6]).reshape(1, 3, 1, 1)
        >>> Saturate(5, setting="imagenet_c").apply(x, torch.tensor([[1.0]])).flatten()  # 0.3 of the distances from 0.8
        tensor([0.8000, 0.6800, 0.7400])

    Reference: Hendrycks & Dietterich 2019, "Benchmarking neural network robustness to common corruptions and perturbations".
    """

    name: ClassVar[str] = "saturate"
    kinds: ClassVar[frozenset[Kind]] = frozenset({"image"})
    smallest: ClassVar[int] = 1
    colour: ClassVar[str] = "grey images have no saturation to change"
    references: ClassVar[tuple[str, ...]] = ("hendrycks2019benchmarking",)
    published: ClassVar = {
        "imagenet_c": table(Saturation, (1.0, 0.0), (0.3, 0.0), (0.1, 0.0), (2.0, 0.0), (5.0, 0.1), (20.0, 0.2)),
        "cifar_10_c": table(Saturation, (1.0, 0.0), (0.3, 0.0), (0.1, 0.0), (1.5, 0.0), (2.0, 0.1), (2.5, 0.2)),
        "tiny_imagenet_c": table(Saturation, (1.0, 0.0), (0.3, 0.0), (0.1, 0.0), (2.0, 0.0), (5.0, 0.1), (30.0, 0.2)),
    }

    def corrupt(self, x: Tensor, params: Params) -> Tensor:
        rows = self.rows(x.shape)
        scale = self.interpolated([c.scale for c in rows], x, params).to(x.dtype)
        rise = self.interpolated([c.rise for c in rows], x, params).to(x.dtype)
        x = x.contiguous()
        value, least = (reduce(pick, torch.split(x, 1, dim=1)) for pick in (torch.maximum, torch.minimum))
        light, spread = value - self.space.low, value - least
        # s' / s = min(scale + rise / s, 1 / s) is the factor of every distance from the value; less 1, so that no change changes no bit.
        inverse = (light / spread).where(spread > 0, 0.0)
        factor = torch.minimum(scale + rise * inverse, inverse) - 1
        coloured = x + (x - value) * factor.where(spread > 0, 0.0)
        red = torch.zeros_like(x[:1])
        red[:, 1:] = 1.0
        tinted = x - light * rise.clamp(max=1) * red
        return torch.where(spread > 0, coloured, tinted).clamp(self.space.low, self.space.high)

    def bytes_at(self, images: Bytes, severity: float, params: Params) -> Bytes | None:
        scale, rise = self.constants_of(images, severity)
        factors, tint = _factors(scale, rise), (np.arange(256) * (1 - min(rise, 1.0)) + NUDGE).astype(np.uint8)
        moved = np.empty_like(images)
        for image, target in zip(images, moved, strict=True):
            value, least = (reduce(pick, (image[..., channel] for channel in range(3))) for pick in (np.maximum, np.minimum))
            factor = factors.take((value.astype(np.uint16) << np.uint16(8)) | least)
            start = value + np.float32(NUDGE)
            for channel in range(3):
                apart = np.subtract(image[..., channel], value, dtype=np.float32)
                apart *= factor
                apart += start
                target[..., channel] = apart
            grey = np.nonzero(value == least)
            target[grey[0], grey[1], 1:] = tint[value[grey]][:, None]
        return moved


@lru_cache(maxsize=16)
def _factors(scale: float, rise: float) -> npt.NDArray[np.float32]:
    """The factor of every distance from the value, by value * 256 + least channel; 1 where they are equal."""
    value, least = np.meshgrid(np.arange(256.0), np.arange(256.0), indexing="ij")
    inverse = value / (value - least).clip(1)
    return np.where(value > least, np.minimum(scale + rise * inverse, inverse), 1).astype(np.float32).ravel()
