"""Colours too pale or too strong: the saturation of every pixel scaled and raised."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof.shifts.abstract import Params
from shiftproof.shifts.corruptions.corruption import Corruption


@dataclass(frozen=True)
class Saturate(Corruption):
    """The saturation of HSV: s -> min(a * s + b, 1), with s = (v - least channel) / v and v the largest channel of a pixel.

    (a, b) is (0.3, 0), (0.1, 0), (2, 0), (5, 0.1), (20, 0.2) above 64 pixels (ImageNet-C), the last a 30 up to 64 (Tiny-ImageNet-C), and
    (0.3, 0), (0.1, 0), (1.5, 0), (2, 0.1), (2.5, 0.2) up to 32 (CIFAR-10-C). With hue and value kept no conversion is needed: distances
    from v scale by the same factor. Pixels without colour have the hue red, so b above 0 tints them, as published.

    Args:
        severity: in (0, 5].

    Params are (severity,), shape (n, 1). Differentiable. The published scale turns from less colour to more: it passes through the clean
    image between 2 and 3, so its damage does not grow there.

    Example:
        >>> import torch
        >>> x = torch.tensor([0.8, 0.4, 0.6]).reshape(1, 3, 1, 1)
        >>> Saturate(5, setting="imagenet_c").apply(x, torch.tensor([[1.0]])).flatten()  # 0.3 of the distances from 0.8
        tensor([0.8000, 0.6800, 0.7400])

    Reference: Hendrycks & Dietterich 2019, "Benchmarking neural network robustness to common corruptions and perturbations".
    """

    name: ClassVar[str] = "saturate"
    colour: ClassVar[str] = "grey images have no saturation to change"
    references: ClassVar[tuple[str, ...]] = ("hendrycks2019benchmarking",)
    published: ClassVar = {
        "imagenet_c": ((1.0, 0.0), (0.3, 0.0), (0.1, 0.0), (2.0, 0.0), (5.0, 0.1), (20.0, 0.2)),
        "cifar_10_c": ((1.0, 0.0), (0.3, 0.0), (0.1, 0.0), (1.5, 0.0), (2.0, 0.1), (2.5, 0.2)),
        "tiny_imagenet_c": ((1.0, 0.0), (0.3, 0.0), (0.1, 0.0), (2.0, 0.0), (5.0, 0.1), (30.0, 0.2)),
    }

    def corrupt(self, x: Tensor, params: Params) -> Tensor:
        rows = self.published[self.setting_for(x.shape)]
        scale, rise = (self._between(tuple(row[k] for row in rows), x, params).to(x.dtype) for k in (0, 1))
        x = x.contiguous()
        value, least = (reduce(pick, torch.split(x, 1, dim=1)) for pick in (torch.maximum, torch.minimum))
        light, spread = value - self.space.low, value - least
        # s' / s = min(a + b / s, 1 / s): the factor of every distance from the value, less 1, so that no change leaves every bit.
        inverse = (light / spread).where(spread > 0, 0.0)
        factor = torch.minimum(scale + rise * inverse, inverse) - 1
        coloured = x + (x - value) * factor.where(spread > 0, 0.0)
        red = torch.zeros_like(x[:1])
        red[:, 1:] = 1.0
        tinted = x - light * rise.clamp(max=1) * red
        return torch.where(spread > 0, coloured, tinted).clamp(self.space.low, self.space.high)
