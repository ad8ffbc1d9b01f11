"""A zigzag line across the image."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from shiftproof.shifts.corruptions._draws import Array, Draws
from shiftproof.shifts.corruptions._strokes import Point, stroke
from shiftproof.shifts.corruptions.constants import MIXED, Blend
from shiftproof.shifts.corruptions.image_by_image import ImageByImage


@dataclass(frozen=True)
class Zigzag(ImageByImage[Blend]):
    """Strokes about 2 pixels (of 28) thick, alternately 2 pixels above and below a line of random height and slope, added to the image.

    MNIST-C publishes one strength, which is severity 5; below it the clean and the published image are mixed.

    Args:
        severity: in (0, 5].

    Params are (severity, seed), shape (n, 2).

    Example:
        >>> import torch
        >>> from shiftproof.randomness import Rng
        >>> x, shift = torch.zeros(1, 1, 28, 28), Zigzag(5)
        >>> moved = shift.apply(x, shift.sample(x, Rng.for_ids(0, ["a"])))
        >>> bool((moved[..., 3:24].amax(2) > 0).all())
        True

    Reference: Mu & Gilmer 2019, "MNIST-C: a robustness benchmark for computer vision".
    """

    name: ClassVar[str] = "zigzag"
    random: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ("mu2019mnist",)
    published: ClassVar = {"mnist_c": MIXED}

    def picture(self, image: Array, c: Blend, draws: Draws) -> Array:
        start = draws.whole(0, 27)
        line = np.zeros(image.shape[:2], np.float32)
        corners = _corners(start, start + draws.whole(-5, 5))
        for left, right in itertools.pairwise(corners):
            line += stroke(image.shape[:2], left, right)
        return image + np.float32(c.share) * (np.minimum(image + line[..., None], 1) - image)


def _corners(start: float, end: float) -> list[Point]:
    """The corners of the zigzag from (2, start) to (25, end), in pixels of 28."""
    slope = np.arctan((end - start) / 23)
    length = 23 / np.cos(slope)
    turns = [(0.0, 0.0)] + [((2 * i + 1) * 2.0, (-1) ** i * 2.0) for i in range(int((length - 2) // 4) + 1)]
    last = 4 * (length // 4)
    if length != last:  # as published
        turns.append((length, turns[-1][1] / (2 * (length - last))))
    cos, sin = np.cos(slope), np.sin(slope)
    return [(2 + cos * c - sin * r, start + sin * c + cos * r) for c, r in turns]
