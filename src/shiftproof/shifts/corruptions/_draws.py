"""Random numbers of one image: a counter-based stream from its seed, the same on every machine.

Bits come from Philox (Salmon et al. 2011 [salmon2011parallel]), whose word j is a pure function of (seed, j); NumPy guarantees that they
never change. The samplers are ours, so that a library's new sampler cannot change an image.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from shiftproof.shifts.corruptions.stored import Bytes, nudged

Array = npt.NDArray[np.float32]
_LEVELS = 2**16


@cache
def _normal_quantiles() -> Array:
    """The midpoints of 65,536 equally likely slices of the normal distribution; variance 0.99998, largest 4.32."""
    from scipy.special import ndtri

    return np.asarray(ndtri((np.arange(_LEVELS) + 0.5) / _LEVELS), dtype=np.float32)


class Draws:
    """Random numbers for one image; each call continues the stream.

    >>> bool((Draws(7).uniform(3) == Draws(7).uniform(3)).all())
    True
    """

    def __init__(self, seed: float) -> None:
        self._bits = np.random.Philox(key=int(seed))

    def words(self, *shape: int) -> npt.NDArray[np.uint16]:
        """Whole numbers from 0 to 65535, equally likely."""
        count = int(np.prod(shape, dtype=np.int64))
        raw = np.asarray(self._bits.random_raw(-(-count // 4)), dtype="<u8").view("<u2")  # the same order on any machine
        return raw[:count].reshape(shape)

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> npt.NDArray[np.float64]:
        """Uniform numbers in [low, high)."""
        raw = np.asarray(self._bits.random_raw(int(np.prod(shape, dtype=np.int64))))
        return low + (high - low) * ((raw >> np.uint64(11)) * 2.0**-53).reshape(shape)

    def number(self, low: float = 0.0, high: float = 1.0) -> float:
        """One uniform number in [low, high)."""
        return float(self.uniform(1, low=low, high=high)[0])

    def whole(self, low: int, high: int) -> int:
        """One whole number from low to high - 1."""
        return low + int(self.number() * (high - low))

    def rough(self, *shape: int) -> Array:
        """Uniform numbers in (0, 1) in steps of 1/65536: fast, for noise that is smoothed afterwards."""
        places = self.words(*shape).astype(np.float32)
        places += np.float32(0.5)
        places *= np.float32(1 / _LEVELS)
        return places

    def normal(self, *shape: int) -> Array:
        """Standard normal numbers, from 65,536 equally likely values."""
        return quantiles(self.words(*shape))


def normals(seeds: Tensor, like: Tensor) -> Tensor:
    """Standard normal numbers for each example of `like` (n, ...) from its seed; for images the channels of a pixel are consecutive."""
    image = like.dim() == 4
    shape = (*like.shape[2:], like.shape[1]) if image else tuple(like.shape[1:])
    drawn = (
        np.stack([Draws(seed).normal(*shape) for seed in seeds.detach().cpu().tolist()]) if len(like) else np.empty((0, *shape), np.float32)
    )
    noise = torch.from_numpy(drawn)
    return (noise.permute(0, 3, 1, 2) if image else noise).to(like)


def noisy(images: Bytes, seeds: list[float], sigma: float, *, by_light: bool = False) -> Bytes:
    """Images (n, h, w, c) of whole levels plus normal noise of `sigma` times full light, or times each value's own; rounded down."""
    moved, unit = np.empty_like(images), np.empty(images.shape[1:], np.float32)
    for image, target, seed in zip(images, moved, seeds, strict=True):
        np.multiply(image, np.float32(1 / 255), out=unit)
        noise = Draws(seed).normal(*image.shape)
        noise *= np.float32(sigma)
        if by_light:
            noise *= unit
        noise += unit
        np.clip(noise, 0, 1, out=noise)
        np.copyto(target, nudged(noise, out=noise), casting="unsafe")
    return moved


def quantiles(words: npt.NDArray[np.uint16]) -> Array:
    """The standard normal numbers at the quantiles `words` / 65536."""
    return np.take(_normal_quantiles(), words)
