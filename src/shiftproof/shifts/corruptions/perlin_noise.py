"""A marble pattern (Perlin turbulence) blended over the image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from shiftproof.shifts.corruptions._draws import Array, Draws
from shiftproof.shifts.corruptions.constants import Strength, table
from shiftproof.shifts.corruptions.image_by_image import ImageByImage


@dataclass(frozen=True)
class PerlinNoise(ImageByImage[Strength]):
    """(1 - a) x + a * marble with a = 0.05 strength.

    marble = 1/2 + the sum over f = 1, 2, 4, 8, 16 of |Perlin noise at frequency f| / 2 f, at most 1.

    Args:
        severity: in (0, 5].

    Params are (severity, seed), shape (n, 2).

    Example:
        >>> import torch
        >>> from shiftproof.randomness import Rng
        >>> x, shift = torch.zeros(1, 3, 224, 224), PerlinNoise(3)
        >>> moved = shift.apply(x, shift.sample(x, Rng.for_ids(0, ["a"])))
        >>> bool(moved.min() >= 0.145), bool(moved.max() <= 0.29)
        (True, True)

    Reference: Mintun, Kirillov & Xie 2021, "On interaction between augmentations and corruptions in natural corruption robustness".
    """

    name: ClassVar[str] = "perlin_noise"
    random: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ("mintun2021interaction",)
    published: ClassVar = {"imagenet_c_bar": table(Strength, 4.6, 5.2, 5.8, 7.6, 8.8)}

    def picture(self, image: Array, c: Strength, draws: Draws) -> Array:
        height, width = image.shape[:2]
        cell = 32 * min(height, width) / 224
        lattice = _lattice(draws)
        turbulence = np.zeros((height, width), np.float32)
        for octave in (1, 2, 4, 8, 16):
            turbulence += np.abs(_perlin(np.arange(height) / cell * octave, np.arange(width) / cell * octave, *lattice)) * np.float32(
                1 / octave
            )
        marble = np.minimum(np.float32(0.5) * turbulence + np.float32(0.5), 1)[..., None]
        share = np.float32(c.strength * 0.05)
        return image * (1 - share) + marble * share


def _lattice(draws: Draws) -> tuple[npt.NDArray[np.intp], Array]:
    """The published hash, a shuffle of 256 numbers repeated once, and a direction for each number."""
    order = list(range(256))
    for i, j in zip(range(255, -1, -1), (draws.words(256) % 256).tolist(), strict=True):
        order[i], order[j] = order[j], order[i]
    square = draws.uniform(256, 2, low=-1, high=1)
    ways = (square / np.linalg.norm(square, axis=1, keepdims=True)).astype(np.float32)
    return np.array([*order, *order]), np.concatenate((ways, ways))


def _perlin(rows: npt.NDArray[np.float64], columns: npt.NDArray[np.float64], order: npt.NDArray[np.intp], ways: Array) -> Array:
    """Perlin's noise at every pair of a row and a column, shape (rows, columns)."""
    first, left = rows.astype(np.intp) % 256, columns.astype(np.intp) % 256
    down, right = (rows % 1).astype(np.float32)[:, None], (columns % 1).astype(np.float32)

    def slope(row: npt.NDArray[np.intp], column: npt.NDArray[np.intp], below: Array, aside: Array) -> Array:
        way = np.take(ways, order[order[row][:, None] + column], axis=0)
        return below * way[..., 0] + aside * way[..., 1]

    soft_down, soft_right = down**2 * (3 - 2 * down), right**2 * (3 - 2 * right)
    following, beside = (first + 1) % 256, (left + 1) % 256
    near, far = slope(first, left, down, right), slope(following, left, down - 1, right)
    top = near + soft_down * (far - near)
    near, far = slope(first, beside, down, right - 1), slope(following, beside, down - 1, right - 1)
    bottom = near + soft_down * (far - near)
    return np.float32(1.5) * (top + soft_right * (bottom - top))
