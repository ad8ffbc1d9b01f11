"""Photon noise: too little light."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from shiftproof.shifts.corruptions._draws import Array, Draws, quantiles
from shiftproof.shifts.corruptions.constants import table
from shiftproof.shifts.corruptions.image_by_image import ImageByImage


class Photon(NamedTuple):
    """The light of one photon, as a share of full light."""

    light: float


_IMAGENET_C = table(Photon, 0.0, 1 / 60, 1 / 25, 1 / 12, 1 / 5, 1 / 3)
_MOST_COUNTED = 1000
_GUIDES = 256
"""For each level of light; level and guide make one 16-bit number."""


@dataclass(frozen=True)
class ShotNoise(ImageByImage[Photon]):
    """Poisson(x / c) * c, independently for every pixel and channel; c is the light of one photon, so 1 / c photons are full light.

    Between severities c is interpolated, and with it the variance.

    Args:
        severity: in (0, 5].

    Params are (severity, seed), shape (n, 2).

    Guarantees:
        Light is rounded to 256 levels, as in the published 8-bit images. Counts follow the Poisson distribution to 1/65536 in probability,
        and above 1,000 photons (severities near 0) its normal limit.

    Example:
        >>> import torch
        >>> from shiftproof.randomness import Rng
        >>> x, shift = torch.full((1, 1, 64, 64), 0.6), ShotNoise(3, setting="imagenet_c")
        >>> moved = shift.apply(x, shift.sample(x, Rng.for_ids(0, ["a"])))
        >>> bool(torch.allclose(moved * 12, (moved * 12).round(), atol=1e-4))  # whole photons of 12
        True

    Reference: Hendrycks & Dietterich 2019, "Benchmarking neural network robustness to common corruptions and perturbations".
    """

    name: ClassVar[str] = "shot_noise"
    random: ClassVar[bool] = True
    smallest: ClassVar[int] = 1
    references: ClassVar[tuple[str, ...]] = ("hendrycks2019benchmarking", "mu2019mnist")
    published: ClassVar = {
        "imagenet_c": _IMAGENET_C,
        "cifar_10_c": table(Photon, 0.0, 1 / 500, 1 / 250, 1 / 100, 1 / 75, 1 / 50),
        "tiny_imagenet_c": table(Photon, 0.0, 1 / 250, 1 / 100, 1 / 50, 1 / 30, 1 / 15),
        "mnist_c": _IMAGENET_C,
    }

    def picture(self, image: Array, c: Photon, draws: Draws) -> Array:
        photons = 1 / c.light
        words = draws.words(*image.shape)
        if photons > _MOST_COUNTED:
            return image + np.sqrt(image * np.float32(1 / photons)) * quantiles(words)
        light = np.rint(image * np.float32(255)).astype(np.uint16)
        return _counts(light.ravel(), words.ravel(), round(photons, 9)).reshape(image.shape) * np.float32(1 / photons)


def _counts(light: npt.NDArray[np.uint16], words: npt.NDArray[np.uint16], photons: float) -> Array:
    """Poisson(light / 255 * photons) at the quantiles `words` / 65536: a guide gives a lower bound of the count, which is then raised."""
    guide, chance = _tables(photons)
    count = np.take(guide, (light << np.uint16(8)) | (words >> np.uint16(8)))
    row = light * np.int64(chance.shape[1])
    at = row + count
    low = np.flatnonzero(np.take(chance, at) <= words)  # those for which the next count begins within the slice of a guide
    while len(low):
        count[low] += 1
        low = low[np.take(chance, row[low] + count[low]) <= words[low]]
    return count.astype(np.float32)


@lru_cache(maxsize=16)
def _tables(photons: float) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.uint32]]:
    """For each of 256 levels of light: the count at 256 quantiles, and the chance of at most k photons in 1/65536."""
    from scipy.special import pdtr

    most = int(photons + 10 * np.sqrt(photons) + 20)
    mean = np.arange(256)[:, None] * (photons / 255)
    chance = np.rint(pdtr(np.arange(most + 1)[None], mean) * 65536).astype(np.uint32)
    chance[:, -1] = 65536
    starts = np.arange(_GUIDES) * (65536 // _GUIDES)
    guide = np.stack([np.searchsorted(row, starts, side="right") for row in chance])
    return guide.ravel().astype(np.int16), chance
