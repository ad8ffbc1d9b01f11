"""Sensor noise: an independent normal number on every pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from shiftproof.data.space import Kind
from shiftproof.shifts.abstract import Params
from shiftproof.shifts.corruptions._draws import normals
from shiftproof.shifts.corruptions.corruption import Corruption, column

_NOT_IMAGES = (0.0, 0.02, 0.04, 0.06, 0.08, 0.10)  # ours: nobody has published a table for them


@dataclass(frozen=True)
class GaussianNoise(Corruption):
    """x + c * width of the box * z, z standard normal, clipped to the box.

    c is 0.08, 0.12, 0.18, 0.26, 0.38 above 64 pixels (ImageNet-C), 0.04, 0.08, 0.12, 0.15, 0.18 up to 64 (Tiny-ImageNet-C) and 0.04, 0.06,
    0.08, 0.09, 0.10 up to 32 (CIFAR-10-C).

    Args:
        severity: in (0, 5].

    Vectors and tables move too, by 2 % of the range a severity step; that scale is ours, not published. For tables the range is each
    column's own, integer columns move by whole numbers (rounded towards where they were) and categorical columns stay.

    Params are (severity, seed), shape (n, 2); the noise hangs on the seed alone, so severities of one seed are one picture getting worse.

    Guarantees:
        The same example and params give the same pixels in any batch. Noise is distributed as published, not equal to the published files.

    Example:
        >>> import torch
        >>> from shiftproof.randomness import Rng
        >>> x, shift = torch.full((1, 3, 32, 32), 0.5), GaussianNoise(5)
        >>> moved = shift.apply(x, shift.sample(x, Rng.for_ids(0, ["a"])))
        >>> bool(abs((moved - x).std() - 0.10) < 0.01)
        True

    Reference: Hendrycks & Dietterich 2019, "Benchmarking neural network robustness to common corruptions and perturbations".
    """

    name: ClassVar[str] = "gaussian_noise"
    kinds: ClassVar[frozenset[Kind]] = frozenset({"image", "table", "vector"})
    random: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ("hendrycks2019benchmarking",)
    published: ClassVar = {
        "imagenet_c": column(0.0, 0.08, 0.12, 0.18, 0.26, 0.38),
        "cifar_10_c": column(0.0, 0.04, 0.06, 0.08, 0.09, 0.10),
        "tiny_imagenet_c": column(0.0, 0.04, 0.08, 0.12, 0.15, 0.18),
    }

    def constants(self, x: Tensor) -> tuple[float, ...]:
        return super().constants(x) if self.space.kind == "image" else _NOT_IMAGES

    def corrupt(self, x: Tensor, params: Params) -> Tensor:
        noise = normals(params[:, 1], x)
        scale = self.space.scale(x) if self.space.columns else self.space.width
        return self.space.settle(x, x + noise * (self.amount(x, params).to(x.dtype) * scale))
