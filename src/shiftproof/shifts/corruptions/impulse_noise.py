"""Salt and pepper noise: single values set to black or white."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from shiftproof.shifts.abstract import Params
from shiftproof.shifts.corruptions._draws import Array, Draws
from shiftproof.shifts.corruptions.constants import table
from shiftproof.shifts.corruptions.image_by_image import ImageByImage
from shiftproof.shifts.corruptions.stored import Bytes


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
        stuck = words < _limit(c.chance)
        np.copyto(moved, (words & np.uint16(1)).astype(np.float32), where=stuck)
        return moved

    def bytes_at(self, images: Bytes, severity: float, params: Params) -> Bytes | None:
        if not float(severity).is_integer():
            return super().bytes_at(images, severity, params)
        (chance,) = self.rows((images.shape[3], *images.shape[1:3]))[int(severity)]
        moved = np.empty_like(images)
        for image, target, seed in zip(images, moved, params[:, 1].tolist(), strict=True):
            words = Draws(seed).words(*image.shape)
            stuck = np.negative((words < _limit(chance)).view(np.uint8))  # all bits of the values that are replaced
            ends = np.negative((words & np.uint16(1)).astype(np.uint8))
            np.bitwise_xor(image, (image ^ ends) & stuck, out=target)
        return moved


def _limit(chance: float) -> np.uint16:
    """The words below it replace a value."""
    return np.uint16(min(round(chance * 65536), 65535))
