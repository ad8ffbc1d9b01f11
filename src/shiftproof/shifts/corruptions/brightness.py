"""Every pixel brightened by the same amount, its hue and saturation kept."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor

from shiftproof.data.space import Kind
from shiftproof.shifts.abstract import Params
from shiftproof.shifts.corruptions.constants import table
from shiftproof.shifts.corruptions.corruption import Corruption
from shiftproof.shifts.corruptions.stored import NUDGE, Bytes


class Rise(NamedTuple):
    """What is added to the value of HSV."""

    rise: float


_IMAGENET_C = table(Rise, 0.0, 0.1, 0.2, 0.3, 0.4, 0.5)


@dataclass(frozen=True)
class Brightness(Corruption[Rise]):
    """The value of HSV raised: v -> min(v + rise, 1), where v is the largest channel of a pixel.

    With hue and saturation kept, the channels of a pixel scale together, so no conversion is needed: x -> x * min(v + rise, 1) / v. Black
    turns grey. With one channel this is min(x + rise, 1).

    Args:
        severity: in (0, 5].

    Params are (severity,), shape (n, 1). Differentiable in them.

    Example:
        >>> import torch
        >>> x = torch.tensor([0.2, 0.4, 0.0]).reshape(1, 3, 1, 1)
        >>> Brightness(5).apply(x, torch.tensor([[4.0]])).flatten()  # rise = 0.2: the largest channel goes from 0.4 to 0.6
        tensor([0.3000, 0.6000, 0.0000])

    Reference: Hendrycks & Dietterich 2019, "Benchmarking neural network robustness to common corruptions and perturbations".
    """

    name: ClassVar[str] = "brightness"
    kinds: ClassVar[frozenset[Kind]] = frozenset({"image"})
    smallest: ClassVar[int] = 1
    references: ClassVar[tuple[str, ...]] = ("hendrycks2019benchmarking", "mu2019mnist")
    published: ClassVar = {
        "imagenet_c": _IMAGENET_C,
        "cifar_10_c": table(Rise, 0.0, 0.05, 0.10, 0.15, 0.20, 0.30),
        "tiny_imagenet_c": _IMAGENET_C,
        "mnist_c": _IMAGENET_C,
    }

    def corrupt(self, x: Tensor, params: Params) -> Tensor:
        x = x.contiguous()
        low, high = self.space.low, self.space.high
        largest = reduce(torch.maximum, torch.split(x, 1, dim=1))
        rise = torch.minimum(self.amount(x, params).to(x.dtype) * (high - low), high - largest)
        value = largest - low
        black = value <= 0
        # Added to x instead of computed from v, so that a rise of 0 changes no bit.
        coloured = torch.addcmul(x, x - low if low else x, rise / value.masked_fill(black, 1.0))
        return torch.where(black, x + rise, coloured).clamp(low, high)

    def bytes_at(self, images: Bytes, severity: float, params: Params) -> Bytes | None:
        (rise,) = self.constants_of(images, severity)
        value = np.arange(256) / 255
        factors = (1 + np.minimum(rise, 1 - value) / value.clip(1 / 255)).astype(np.float32)
        factor = np.repeat(factors[:, None], images.shape[3], axis=1)  # of each channel, by the largest of the pixel
        moved = np.empty_like(images)
        for image, target in zip(images, moved, strict=True):
            largest = reduce(np.maximum, (image[..., channel] for channel in range(image.shape[2])))
            pixels = factor.take(largest.ravel(), axis=0).reshape(image.shape)
            pixels *= image
            pixels += np.float32(NUDGE)
            target[:] = pixels.astype(np.uint8)
            target[largest == 0] = int(rise * 255 + NUDGE)
        return moved
