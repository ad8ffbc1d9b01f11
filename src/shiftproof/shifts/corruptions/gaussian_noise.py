"""Sensor noise: an independent normal number added to every pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from shiftproof.shifts.abstract import Params
from shiftproof.shifts.corruptions._draws import noisy, normals
from shiftproof.shifts.corruptions.constants import Sigma, table
from shiftproof.shifts.corruptions.corruption import Corruption
from shiftproof.shifts.corruptions.stored import Bytes

_NOT_IMAGES = table(Sigma, 0.0, 0.02, 0.04, 0.06, 0.08, 0.10)  # ours: no table is published for vectors and tables


@dataclass(frozen=True)
class GaussianNoise(Corruption[Sigma]):
    """x + sigma * width of the box * z, z standard normal, clipped to the box.

    Args:
        severity: in (0, 5].

    Vectors and tables move too, by 2 % of the range per severity step; that scale is ours, not published. For tables the range is each
    column's own, integer columns move by whole numbers (rounded towards the original) and categorical columns stay.

    Params are (severity, seed), shape (n, 2); the noise depends on the seed only, so severities of one seed differ in scale only.

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
    smallest: ClassVar[int] = 1
    random: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ("hendrycks2019benchmarking",)
    published: ClassVar = {
        "imagenet_c": table(Sigma, 0.0, 0.08, 0.12, 0.18, 0.26, 0.38),
        "cifar_10_c": table(Sigma, 0.0, 0.04, 0.06, 0.08, 0.09, 0.10),
        "tiny_imagenet_c": table(Sigma, 0.0, 0.04, 0.08, 0.12, 0.15, 0.18),
    }

    def corrupt(self, x: Tensor, params: Params) -> Tensor:
        noise = normals(params[:, 1], x)
        rows = self.rows(x.shape) if self.space.kind == "image" else _NOT_IMAGES
        sigma = self.interpolated([c.sigma for c in rows], x, params).to(x.dtype)
        scale = self.space.scale(x) if self.space.columns else self.space.width
        return self.space.settle(x, x + noise * (sigma * scale))

    def bytes_at(self, images: Bytes, severity: float, params: Params) -> Bytes | None:
        (sigma,) = self.constants_of(images, severity)
        return noisy(images, params[:, 1].tolist(), sigma)
