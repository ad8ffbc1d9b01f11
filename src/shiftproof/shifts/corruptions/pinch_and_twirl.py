"""Discs of the image twisted and pinched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from shiftproof._arrays import Floats
from shiftproof.shifts.corruptions._draws import Array, Draws
from shiftproof.shifts.corruptions.constants import Strength, table
from shiftproof.shifts.corruptions.image_by_image import ImageByImage


@dataclass(frozen=True)
class PinchAndTwirl(ImageByImage[Strength]):
    """The disc in each of 3 x 3 tiles (5 x 5 above 64 pixels) is twisted by up to 0.157 strength rad and pinched.

    The twist goes either way at random; the pinch has power 0.04 strength + 0.1.

    Args:
        severity: in (0, 5].

    Params are (severity, seed), shape (n, 2).

    Needs the extra `corruptions`, which is OpenCV.

    Example:
        >>> import torch
        >>> from shiftproof.randomness import Rng
        >>> x, shift = torch.full((1, 3, 33, 33), 0.5), PinchAndTwirl(3)
        >>> moved = shift.apply(x, shift.sample(x, Rng.for_ids(0, ["a"])))
        >>> bool((moved[..., 4:28, 4:28] - 0.5).abs().max() < 1e-6)  # plain stays plain
        True

    Reference: Mintun, Kirillov & Xie 2021, "On interaction between augmentations and corruptions in natural corruption robustness".
    """

    name: ClassVar[str] = "pinch_and_twirl"
    by_opencv: ClassVar[bool] = True
    random: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ("mintun2021interaction",)
    published: ClassVar = {"cifar_10_c_bar": table(Strength, 5.5, 6.0, 6.5, 8.5, 10.0)}

    def picture(self, image: Array, c: Strength, draws: Draws) -> Array:
        import cv2

        height, width = image.shape[:2]
        tiles = 3 if max(height, width) <= 64 else 5
        down, right = np.arange(height, dtype=np.float64)[:, None], np.arange(width, dtype=np.float64)
        rows, columns = np.broadcast_to(down, (height, width)).copy(), np.broadcast_to(right, (height, width)).copy()
        tall, wide = height // tiles, width // tiles
        radius = min(tall, wide) / 2
        turns = np.where(draws.uniform(tiles, tiles) < 0.5, 1, -1) * c.strength * np.pi / 20
        for (i, j), turn in np.ndenumerate(turns):
            tile = slice(i * tall, (i + 1) * tall), slice(j * wide, (j + 1) * wide)
            centre = (i + 0.5) * tall, (j + 0.5) * wide
            rows[tile], columns[tile] = _twirled(
                down[tile[0]] - centre[0], right[tile[1]] - centre[1], radius, c.strength * 0.04 + 0.1, turn
            )
            rows[tile] += centre[0]
            columns[tile] += centre[1]
        read = cv2.remap(image, columns.astype(np.float32), rows.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        return np.asarray(read, dtype=np.float32).reshape(image.shape)


def _twirled(down: Floats, right: Floats, radius: float, amount: float, turn: float) -> tuple[Floats, Floats]:
    """Where pixels at these offsets from the centre of a disc read, as offsets from it."""
    far = np.hypot(down, right)
    inside = (far <= radius) & (far >= 5e-4)
    share = np.where(inside, far / radius, 1.0)
    pinch = np.sin(np.pi / 2 * share) ** -amount
    angle = np.where(inside, turn * (1 - share) ** 2, 0)
    pinch = np.where(inside, pinch, 1.0)
    below, aside = down * pinch, right * pinch
    return below * np.cos(angle) - aside * np.sin(angle), below * np.sin(angle) + aside * np.cos(angle)
