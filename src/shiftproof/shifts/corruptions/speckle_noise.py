"""Noise in proportion to the light: every pixel multiplied by a normal number around 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from shiftproof.data.space import Kind
from shiftproof.shifts.abstract import Params
from shiftproof.shifts.corruptions._draws import noisy, normals
from shiftproof.shifts.corruptions.constants import Sigma, table
from shiftproof.shifts.corruptions.corruption import Corruption
from shiftproof.shifts.corruptions.stored import Bytes


@dataclass(frozen=True)
class SpeckleNoise(Corruption[Sigma]):
    """x + x * sigma * z, z standard normal.

    Args:
        severity: in (0, 5].

    Params are (severity, seed), shape (n, 2). Differentiable in the severity.

    Example:
        >>> import torch
        >>> from shiftproof.randomness import Rng
        >>> x, shift = torch.zeros(1, 3, 32, 32), SpeckleNoise(5)
        >>> float(shift.apply(x, shift.sample(x, Rng.for_ids(0, ["a"]))).max())  # black stays black
        0.0

    Reference: Hendrycks & Dietterich 2019, "Benchmarking neural network robustness to common corruptions and perturbations".
    """

    name: ClassVar[str] = "speckle_noise"
    kinds: ClassVar[frozenset[Kind]] = frozenset({"image"})
    smallest: ClassVar[int] = 1
    random: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ("hendrycks2019benchmarking",)
    published: ClassVar = {
        "imagenet_c": table(Sigma, 0.0, 0.15, 0.2, 0.35, 0.45, 0.6),
        "cifar_10_c": table(Sigma, 0.0, 0.06, 0.1, 0.12, 0.16, 0.2),
        "tiny_imagenet_c": table(Sigma, 0.0, 0.15, 0.2, 0.25, 0.3, 0.35),
    }

    def corrupt(self, x: Tensor, params: Params) -> Tensor:
        noise = normals(params[:, 1], x) * self.amount(x, params).to(x.dtype)
        return (x + (x - self.space.low) * noise).clamp(self.space.low, self.space.high)

    def bytes_at(self, images: Bytes, severity: float, params: Params) -> Bytes | None:
        (sigma,) = self.constants_of(images, severity)
        return noisy(images, params[:, 1].tolist(), sigma, by_light=True)
