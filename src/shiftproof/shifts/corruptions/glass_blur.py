"""Frosted glass: neighbouring pixels trade places between two soft blurs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from shiftproof.shifts.corruptions._draws import Array, Draws
from shiftproof.shifts.corruptions._filters import gaussian
from shiftproof.shifts.corruptions.corruption import HENDRYCKS, MU
from shiftproof.shifts.corruptions.image_by_image import ImageByImage
from shiftproof.shifts.corruptions.stored import to_bytes

_IMAGENET_C = ((0.7, 1.0, 2.0), (0.9, 2.0, 1.0), (1.0, 2.0, 3.0), (1.1, 3.0, 2.0), (1.5, 4.0, 2.0))

Places = npt.NDArray[np.intp]
"""Numbers of pixels, row by row."""


@dataclass(frozen=True)
class GlassBlur(ImageByImage):
    """Blurred by sigma, every pixel moved by up to `reach` pixels `rounds` times, and blurred again.

    (sigma, reach, rounds) is (0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2) above 64 pixels (ImageNet-C), (0.1, 1, 1),
    (0.5, 1, 1), (0.6, 1, 2), (0.7, 2, 1), (0.9, 2, 2) up to 64 (Tiny-ImageNet-C), (0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2),
    (0.4, 1, 2) up to 32 (CIFAR-10-C). Between published severities the two pictures are mixed, as half a round means nothing.

    The published code runs over the pixels from the last to the first and means to swap each with a random neighbour; on colour images its
    swap copies the neighbour and loses the pixel itself, and so does this. The MNIST-C setting is as published there: only every second
    pixel (by chance) moves, pixels are truly swapped, and the blurs run down the columns only.

    Args:
        severity: in (0, 5].

    Params are (severity, seed), shape (n, 2).

    Example:
        >>> import torch
        >>> from shiftproof.randomness import Rng
        >>> x, shift = torch.full((1, 3, 65, 65), 0.6), GlassBlur(3)
        >>> bool(torch.allclose(shift.apply(x, shift.sample(x, Rng.for_ids(0, ["a"]))), x, atol=1e-6))  # plain stays plain
        True

    Reference: Hendrycks & Dietterich 2019, "Benchmarking neural network robustness to common corruptions and perturbations". For grey
    digits: Mu & Gilmer 2019, "MNIST-C: a robustness benchmark for computer vision".
    """

    name: ClassVar[str] = "glass_blur"
    random: ClassVar[bool] = True
    mixes: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = (HENDRYCKS, MU)
    published: ClassVar = {
        "imagenet_c": _IMAGENET_C,
        "cifar_10_c": ((0.05, 1.0, 1.0), (0.25, 1.0, 1.0), (0.4, 1.0, 1.0), (0.25, 1.0, 2.0), (0.4, 1.0, 2.0)),
        "tiny_imagenet_c": ((0.1, 1.0, 1.0), (0.5, 1.0, 1.0), (0.6, 1.0, 2.0), (0.7, 2.0, 1.0), (0.9, 2.0, 2.0)),
        "mnist_c": _IMAGENET_C,
    }

    def picture(self, image: Array, constants: tuple[float, ...], draws: Draws) -> Array:
        sigma, reach, rounds = constants[0], int(constants[1]), int(constants[2])
        height, width, channels = image.shape
        digits = self.setting_for((channels, height, width)) == "mnist_c"
        # Whole grey levels in between, rounded down, as published; the channels of a pixel lie in one word, to be moved at once.
        pixels = np.zeros((height, width, 4), np.uint8)
        pixels[..., :channels] = to_bytes(gaussian(image, sigma, down_only=digits))
        words = pixels.view(np.uint32).ravel()
        for _ in range(rounds):
            words = np.take(words, (_swapped if digits else _copied)(height, width, reach, draws))
        moved = words.view(np.uint8).reshape(height, width, 4)[..., :channels]
        return gaussian(np.multiply(moved, np.float32(1 / 255), dtype=np.float32), sigma, down_only=digits)


@lru_cache(maxsize=16)
def _order(height: int, width: int, reach: int) -> tuple[Places, npt.NDArray[np.bool_]]:
    """The pixels that move, in the published order (from the last to the first), and which those are."""
    rows = np.arange(height - reach, reach, -1)[:, None] * width
    own = (rows + np.arange(width - reach, reach, -1)).ravel()
    inside = np.zeros(height * width, dtype=bool)
    inside[own] = True
    return own, inside


@lru_cache(maxsize=16)
def _steps(width: int, reach: int) -> Places:
    """The step to a neighbour for each of 65,536 words: both offsets from -reach to reach - 1."""
    span = 2 * reach
    both = np.arange(65536) * span**2 >> 16
    return (both // span - reach) * width + both % span - reach


def _copied(height: int, width: int, reach: int, draws: Draws) -> Places:
    """Where each pixel comes from when one after the other copies a neighbour: chains of copies, followed to their ends."""
    own, inside = _order(height, width, reach)
    step = np.take(_steps(width, reach), draws.words(len(own)))
    source = np.arange(height * width)
    # A neighbour visited before (a later pixel) has been overwritten by then, so the chain goes on there; another still is as it was.
    at = own + step
    source.reshape(height, width)[reach + 1 : height - reach + 1, reach + 1 : width - reach + 1] = at.reshape(height - 2 * reach, -1)[
        ::-1, ::-1
    ]
    goes_on = (step > 0) & np.take(inside, at)
    going, at = own[goes_on], at[goes_on]
    while len(going):
        then = np.take(source, at)
        source[going] = then
        goes_on = (then > at) & np.take(inside, then)
        going, at = going[goes_on], then[goes_on]
    return source


def _swapped(height: int, width: int, reach: int, draws: Draws) -> Places:
    """Where each pixel comes from when one after the other, each with chance 1/2, is swapped with a neighbour."""
    own, _ = _order(height, width, reach)
    neighbour = own + np.take(_steps(width, reach), draws.words(len(own)))
    moves = (draws.words(len(own)) & np.uint16(1)).astype(bool)
    source = list(range(height * width))
    for a, b in zip(own[moves].tolist(), neighbour[moves].tolist(), strict=True):
        source[a], source[b] = source[b], source[a]
    return np.array(source)
