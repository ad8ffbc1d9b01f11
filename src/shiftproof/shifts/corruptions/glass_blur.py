"""Frosted glass: neighbouring pixels exchanged between two blurs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from shiftproof.shifts.corruptions._draws import Array, Draws
from shiftproof.shifts.corruptions._filters import gaussian
from shiftproof.shifts.corruptions.constants import table
from shiftproof.shifts.corruptions.image_by_image import ImageByImage
from shiftproof.shifts.corruptions.stored import to_bytes


class Glass(NamedTuple):
    """The blur's standard deviation in pixels, how far a pixel moves, and how often."""

    sigma: float
    reach: float
    rounds: float


_IMAGENET_C = table(Glass, (0.7, 1.0, 2.0), (0.9, 2.0, 1.0), (1.0, 2.0, 3.0), (1.1, 3.0, 2.0), (1.5, 4.0, 2.0))

Places = npt.NDArray[np.intp]
"""Indices of pixels, row by row."""


@dataclass(frozen=True)
class GlassBlur(ImageByImage[Glass]):
    """Blurred by sigma, every pixel moved by up to `reach` pixels `rounds` times, and blurred again.

    The published code visits the pixels from the last to the first to swap each with a random neighbour. On colour images its swap copies
    the neighbour and loses the pixel itself, and so does this. The MNIST-C setting follows its own code: each pixel moves with probability
    1/2, pixels are truly swapped, and the blurs run down the columns only. Rounds cannot be interpolated, so between published severities
    the two images are mixed.

    As published, the distance from the clean image does not grow with every severity. For ImageNet-C and Tiny-ImageNet-C it is a little
    smaller at 4 than at 3; for CIFAR-10-C it is about equal at 1 to 3, and smaller at 5 than at 4.

    Args:
        severity: in (0, 5].

    Params are (severity, seed), shape (n, 2).

    Needs the extra `corruptions`, which is OpenCV.

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
    by_opencv: ClassVar[bool] = True
    random: ClassVar[bool] = True
    mixes: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ("hendrycks2019benchmarking", "mu2019mnist")
    published: ClassVar = {
        "imagenet_c": _IMAGENET_C,
        "cifar_10_c": table(Glass, (0.05, 1.0, 1.0), (0.25, 1.0, 1.0), (0.4, 1.0, 1.0), (0.25, 1.0, 2.0), (0.4, 1.0, 2.0)),
        "tiny_imagenet_c": table(Glass, (0.1, 1.0, 1.0), (0.5, 1.0, 1.0), (0.6, 1.0, 2.0), (0.7, 2.0, 1.0), (0.9, 2.0, 2.0)),
        "mnist_c": _IMAGENET_C,
    }

    def picture(self, image: Array, c: Glass, draws: Draws) -> Array:
        import cv2

        height, width, channels = image.shape
        digits = self.setting_for((channels, height, width)) == "mnist_c"
        # Rounded down to whole grey levels in between, as published. The channels of a pixel are packed into one word, to move together.
        levels = to_bytes(gaussian(image, c.sigma, down_only=digits))
        colour = channels == 3
        words: npt.NDArray[np.generic] = (cv2.cvtColor(levels, cv2.COLOR_RGB2RGBA).view(np.uint32) if colour else levels).ravel()
        for _ in range(int(c.rounds)):
            words = np.take(words, (_swapped if digits else _copied)(height, width, int(c.reach), draws))
        pixels = words.view(np.uint8).reshape(height, width, -1)
        levels = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGBA2RGB) if colour else pixels, dtype=np.uint8)
        return gaussian(np.multiply(levels, np.float32(1 / 255), dtype=np.float32), c.sigma, down_only=digits)


@lru_cache(maxsize=16)
def _steps(width: int, reach: int) -> npt.NDArray[np.int16 | np.intp]:
    """The index step to a neighbour for each of 65,536 words: both offsets lie in [-reach, reach - 1]."""
    span = 2 * reach
    both = np.arange(65536) * span**2 >> 16
    step = (both // span - reach) * width + both % span - reach
    return step.astype(np.int16 if reach * (width + 1) < 2**15 else np.intp)  # small, to stay in the cache


def _pairs(height: int, width: int, reach: int, draws: Draws) -> tuple[Places, Places]:
    """The pixels that move in the published order, from the last to the first, and a neighbour of each; shape (rows, columns)."""
    own = np.arange(height - reach, reach, -1)[:, None] * width + np.arange(width - reach, reach, -1)
    return own, own + np.take(_steps(width, reach), draws.words(*own.shape))


def _copied(height: int, width: int, reach: int, draws: Draws) -> Places:
    """The source of each pixel when one after the other copies a neighbour: chains of copies, followed to their ends."""
    import cv2

    inner = slice(reach + 1, height - reach + 1), slice(reach + 1, width - reach + 1)
    words = draws.words(height - 2 * reach, width - 2 * reach)
    drawn = np.asarray(cv2.flip(words, -1), dtype=np.uint16)  # visited from the last to the first
    step = _steps(width, reach).take(drawn)
    read = np.arange(height * width)
    read.reshape(height, width)[inner] += step
    # A neighbour visited before (a later pixel) has been overwritten by then, so the chain continues there; others are unchanged.
    copied = np.zeros(height * width, bool)
    np.greater(step, 0, out=copied.reshape(height, width)[inner])
    starts = np.flatnonzero(copied)
    ends = read.take(starts)
    going = np.flatnonzero(copied.take(ends))
    while len(going):
        ends[going] = then = read.take(ends.take(going))
        going = going[copied.take(then)]
    read[starts] = read.take(ends)
    return read


def _swapped(height: int, width: int, reach: int, draws: Draws) -> Places:
    """The source of each pixel when one after the other, each with probability 1/2, is swapped with a neighbour."""
    own, neighbour = _pairs(height, width, reach, draws)
    moves = (draws.words(*neighbour.shape) & np.uint16(1)).astype(bool)
    source = list(range(height * width))
    for a, b in zip(own[moves].tolist(), neighbour[moves].tolist(), strict=True):
        source[a], source[b] = source[b], source[a]
    return np.array(source)
