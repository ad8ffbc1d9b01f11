"""A dotted line across the image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from shiftproof.shifts.corruptions._draws import Array, Draws
from shiftproof.shifts.corruptions._strokes import positions, stroke
from shiftproof.shifts.corruptions.constants import MIXED, Blend
from shiftproof.shifts.corruptions.image_by_image import ImageByImage


@dataclass(frozen=True)
class DottedLine(ImageByImage[Blend]):
    """A line about 2 pixels (of 28) thick from side to side at random heights, without every second pair of columns, added to the image.

    MNIST-C publishes one strength, which is severity 5; below it the clean and the published image are mixed.

    Args:
        severity: in (0, 5].

    Params are (severity, seed), shape (n, 2).

    Example:
        >>> import torch
        >>> from shiftproof.randomness import Rng
        >>> x, shift = torch.zeros(1, 1, 28, 28), DottedLine(5)
        >>> moved = shift.apply(x, shift.sample(x, Rng.for_ids(0, ["a"])))
        >>> [float(moved[..., c].max() > 0) for c in range(8)]
        [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0]

    Reference: Mu & Gilmer 2019, "MNIST-C: a robustness benchmark for computer vision".
    """

    name: ClassVar[str] = "dotted_line"
    random: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ("mu2019mnist",)
    published: ClassVar = {"mnist_c": MIXED}

    def picture(self, image: Array, c: Blend, draws: Draws) -> Array:
        start, end = draws.whole(0, 27), draws.whole(0, 27)
        line = stroke(image.shape[:2], (0, start), (27, end))
        columns = np.floor(positions(image.shape[1]) + 1e-6).astype(int)
        line[:, columns // 2 % 2 == 0] = 0
        return image + np.float32(c.share) * (np.minimum(image + line[..., None], 1) - image)
