"""Salt and pepper noise: single values set to black or white."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from shiftproof.shifts.corruptions._draws import Array, Draws
from shiftproof.shifts.corruptions.constants import table
from shiftproof.shifts.corruptions.image_by_image import ImageByImage


class Chance(NamedTuple):
    """The probability that a value is replaced."""

    chance: float


_IMAGENET_C = table(Chance, 0.0, 0.03, 0.06, 0.09, 0.17, 0.27)


@dataclass(frozen=True)
class ImpulseNoise(ImageByImage[Chance]):
    """With probability `chance` a value (one channel of one pixel) becomes 0 or 1, equally likely.

    Args:
        severity: in (0, 5].

    Params are (severity, seed), shape (n, 2). A value replaced at one severity of a seed is replaced at all higher ones.

    Example:
        >>> import torch
        >>> from shiftproof.randomness import Rng
        >>> x, shift = torch.full((1, 3, 100, 100), 0.5), ImpulseNoise(5)
        >>> moved = shift.apply(x, shift.sample(x, Rng.for_ids(0, ["a"])))
        >>> round(float((moved != x).float().mean()), 2)
        0.27

    Reference: Hendrycks & Dietterich 2019, "Benchmarking neural network robustness to common corruptions and perturbations".
    """

    name: ClassVar[str] = "impulse_noise"
    random: ClassVar[bool] = True
    smallest: ClassVar[int] = 1
    references: ClassVar[tuple[str, ...]] = ("hendrycks2019benchmarking", "mu2019mnist")
    published: ClassVar = {
        "imagenet_c": _IMAGENET_C,
        "cifar_10_c": table(Chance, 0.0, 0.01, 0.02, 0.03, 0.05, 0.07),
        "tiny_imagenet_c": table(Chance, 0.0, 0.01, 0.02, 0.05, 0.08, 0.14),
        "mnist_c": _IMAGENET_C,
    }

    def picture(self, image: Array, c: Chance, draws: Draws) -> Array:
        words = draws.words(*image.shape)
        moved = image.copy()
        stuck = words < np.uint16(min(round(c.chance * 65536), 65535))
        np.copyto(moved, (words & np.uint16(1)).astype(np.float32), where=stuck)
        return moved
