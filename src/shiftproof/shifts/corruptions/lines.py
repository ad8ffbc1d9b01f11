"""Grey lines drawn across the image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from shiftproof.shifts.corruptions._draws import Array, Draws
from shiftproof.shifts.corruptions._strokes import anti_aliased
from shiftproof.shifts.corruptions.constants import Strength, table
from shiftproof.shifts.corruptions.image_by_image import ImageByImage


@dataclass(frozen=True)
class Lines(ImageByImage[Strength]):
    """Lines of grey 128 through random points: 0.1 strength for each pixel of the shorter side.

    Each extends by that side both ways; directions scatter around a common one.

    Args:
        severity: in (0, 5].

    Params are (severity, seed), shape (n, 2).

    Example:
        >>> import torch
        >>> from shiftproof.randomness import Rng
        >>> x, shift = torch.zeros(1, 3, 32, 32), Lines(5)
        >>> moved = shift.apply(x, shift.sample(x, Rng.for_ids(0, ["a"])))
        >>> bool(moved.max() > 0.4), bool(moved.max() <= 0.502)
        (True, True)

    Reference: Mintun, Kirillov & Xie 2021, "On interaction between augmentations and corruptions in natural corruption robustness".
    """

    name: ClassVar[str] = "lines"
    random: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ("mintun2021interaction",)
    published: ClassVar = {"cifar_10_c_bar": table(Strength, 0.5, 1.0, 1.5, 2.0, 2.5)}

    def picture(self, image: Array, c: Strength, draws: Draws) -> Array:
        height, width = image.shape[:2]
        side = min(height, width)
        angle, spread = draws.number(0, 2 * np.pi), draws.number(0.1, 1)
        moved = image.copy()
        for row, column, turn in draws.uniform(int(c.strength / 10 * side), 3).tolist():
            way = angle + 2 * np.pi * spread * (turn - 0.5)
            ahead, aside = np.cos(way) * side, np.sin(way) * side
            rows, columns, ink = anti_aliased(
                (int(row * height - ahead), int(column * width - aside)), (int(row * height + ahead), int(column * width + aside))
            )
            seen = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
            at = rows[seen], columns[seen]
            moved[at] += ink[seen][:, None] * (np.float32(128 / 255) - moved[at])
        return moved
