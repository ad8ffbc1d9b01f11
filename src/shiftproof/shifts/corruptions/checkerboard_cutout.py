"""Squares of a rotated checkerboard replaced by grey."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from shiftproof.shifts.corruptions._draws import Array, Draws
from shiftproof.shifts.corruptions.constants import Strength, table
from shiftproof.shifts.corruptions.image_by_image import ImageByImage


@dataclass(frozen=True)
class CheckerboardCutout(ImageByImage[Strength]):
    """Each black square of a checkerboard is replaced by grey 128 with probability 0.1 strength.

    The board has a random angle, and squares of 0.1 to 0.25 of the image's shorter side.

    Args:
        severity: in (0, 5].

    Params are (severity, seed), shape (n, 2).

    Example:
        >>> import torch
        >>> from shiftproof.randomness import Rng
        >>> x, shift = torch.zeros(1, 3, 224, 224), CheckerboardCutout(5)
        >>> moved = shift.apply(x, shift.sample(x, Rng.for_ids(0, ["a"])))
        >>> sorted({round(v, 3) for v in moved.flatten().tolist()})
        [0.0, 0.502]

    Reference: Mintun, Kirillov & Xie 2021, "On interaction between augmentations and corruptions in natural corruption robustness".
    """

    name: ClassVar[str] = "checkerboard_cutout"
    random: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ("mintun2021interaction",)
    published: ClassVar = {
        "imagenet_c_bar": table(Strength, 2.0, 3.0, 4.0, 5.0, 6.0),
        "cifar_10_c_bar": table(Strength, 1.0, 2.0, 3.0, 4.0, 5.0),
    }

    def picture(self, image: Array, c: Strength, draws: Draws) -> Array:
        height, width = image.shape[:2]
        angle, square = draws.number(0, 2 * np.pi), max(draws.number(0.1, 0.25) * min(height, width), 1)
        count = int(4 * max(height, width) // square)
        cut = draws.uniform(count, count) < c.strength / 10
        below, aside = np.arange(height)[:, None] / square, np.arange(width) / square
        row, column = (
            np.cos(angle) * below + np.sin(angle) * aside,
            np.cos(angle) * aside - np.sin(angle) * below,
        )
        black = (row % 2).astype(int) == (column % 2).astype(int)
        # Truncated towards 0, and counted from the end where negative, as published.
        hidden = black & cut[row.astype(int), column.astype(int)]
        return np.where(hidden[..., None], np.float32(128 / 255), image)
