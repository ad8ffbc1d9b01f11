"""Photon noise: too little light."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from shiftproof.shifts.abstract import Params
from shiftproof.shifts.corruptions._draws import Array, Draws, quantiles
from shiftproof.shifts.corruptions.constants import table
from shiftproof.shifts.corruptions.image_by_image import ImageByImage
from shiftproof.shifts.corruptions.stored import Bytes, nudged


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

    def bytes_at(self, images: Bytes, severity: float, params: Params) -> Bytes | None:
        (light,) = self.rows((images.shape[3], *images.shape[1:3]))[int(severity)]
        if not float(severity).is_integer() or 1 / light > _MOST_COUNTED:
            return super().bytes_at(images, severity, params)
        photons = 1 / light
        moved = np.empty_like(images)
        for image, target, seed in zip(images, moved, params[:, 1].tolist(), strict=True):
            pixels = _counts(image.ravel(), Draws(seed).words(image.size), round(photons, 9))
            pixels *= np.float32(1 / photons)
            np.clip(pixels, 0, 1, out=pixels)
            np.copyto(target, nudged(pixels, out=pixels).reshape(image.shape), casting="unsafe")
        return moved


def _counts(light: npt.NDArray[np.uint8 | np.uint16], words: npt.NDArray[np.uint16], photons: float) -> Array:
    """Poisson(light / 255 * photons) at the quantiles `words` / 65536."""
    guide, chance = _tables(photons)
    level = light.astype(np.uint16)
    level <<= np.uint16(8)
    level |= words >> np.uint16(8)
    count = np.take(guide, level)
    count += words & np.uint16(255)
    count >>= 8
    several = np.flatnonzero(count < 0)  # few: what is there is -1 - the lower bound of the count, which is then raised
    found, row, word = -1 - count[several], light[several].astype(np.intp), words[several]
    low = np.flatnonzero(chance[row, found] <= word)
    while len(low):
        found[low] += 1
        low = low[chance[row[low], found[low]] <= word[low]]
    count[several] = found
    return count.astype(np.float32)


@lru_cache(maxsize=16)
def _tables(photons: float) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint32]]:
    """For each of 256 levels of light: a guide to the count in each of 256 slices of quantiles, and the chance of at most k in 1/65536.

    Where the count is raised by 1 once in a slice or not at all, the guide is such that it plus the place in the slice (0 to 255), over 256
    and rounded down, is the count. Elsewhere it is 256 * (-1 - the count at the start of the slice).
    """
    from scipy.special import pdtr

    most = int(photons + 10 * np.sqrt(photons) + 20)
    mean = np.arange(256)[:, None] * (photons / 255)
    chance = np.rint(pdtr(np.arange(most + 1)[None], mean) * 65536).astype(np.uint32)
    chance[:, -1] = 65536
    starts = np.arange(_GUIDES) * (65536 // _GUIDES)
    first, last = (np.stack([np.searchsorted(row, starts + at, side="right") for row in chance]) for at in (0, 255))
    rise = np.take_along_axis(chance.astype(np.int64), first, axis=1) - starts  # the place in the slice where the count rises
    guide = np.where(last > first + 1, -256 * (1 + first), 256 * first + 256 - np.minimum(rise, 256))
    return guide.ravel().astype(np.int32), chance
