"""Contrast lowered: every channel pulled towards its mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor

from shiftproof.data.space import Kind
from shiftproof.shifts.abstract import Params
from shiftproof.shifts.corruptions.constants import table
from shiftproof.shifts.corruptions.corruption import Corruption
from shiftproof.shifts.corruptions.stored import NUDGE, Bytes


class Kept(NamedTuple):
    """The share of the contrast that is kept."""

    kept: float


_IMAGENET_C = table(Kept, 1.0, 0.4, 0.3, 0.2, 0.1, 0.05)


@dataclass(frozen=True)
class Contrast(Corruption[Kept]):
    """(x - m) * kept + m, with m the mean of each channel of the image.

    Args:
        severity: in (0, 5].

    Params are (severity,), shape (n, 1). Differentiable in them.

    Example:
        >>> import torch
        >>> x = torch.tensor([0.2, 0.8]).reshape(1, 1, 1, 2)
        >>> Contrast(5).apply(x, torch.tensor([[2.0]])).flatten()  # half the contrast around the mean 0.5
        tensor([0.3500, 0.6500])

    Reference: Hendrycks & Dietterich 2019, "Benchmarking neural network robustness to common corruptions and perturbations".
    """

    name: ClassVar[str] = "contrast"
    kinds: ClassVar[frozenset[Kind]] = frozenset({"image"})
    smallest: ClassVar[int] = 1
    references: ClassVar[tuple[str, ...]] = ("hendrycks2019benchmarking",)
    published: ClassVar = {
        "imagenet_c": _IMAGENET_C,
        "cifar_10_c": table(Kept, 1.0, 0.75, 0.5, 0.4, 0.3, 0.15),
        "tiny_imagenet_c": _IMAGENET_C,
    }

    def corrupt(self, x: Tensor, params: Params) -> Tensor:
        lost = (1 - self.amount(x, params)).to(x.dtype)
        # The same formula as a step towards the mean, so that keeping everything changes no bit.
        return torch.lerp(x, x.mean((2, 3), keepdim=True), lost).clamp(self.space.low, self.space.high)

    def bytes_at(self, images: Bytes, severity: float, params: Params) -> Bytes | None:
        (kept,) = self.constants_of(images, severity)
        height, width, channels = images.shape[1:]
        moved = np.empty_like(images)
        for image, target in zip(images, moved, strict=True):
            lines = image.reshape(height, width * channels)
            mean = lines.sum(0, dtype=np.uint32).reshape(width, channels).sum(0) / (height * width)
            pixels = lines * np.float32(kept)
            pixels += np.tile((mean * (1 - kept) + NUDGE).astype(np.float32), width)
            target[:] = pixels.astype(np.uint8).reshape(image.shape)
        return moved
