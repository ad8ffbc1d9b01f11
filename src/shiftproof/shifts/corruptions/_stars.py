"""The light of a star with uneven rays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from shiftproof._arrays import Floats
from shiftproof.shifts.corruptions._draws import Array


def rays(size: tuple[int, int], centre: Floats, lengths: npt.NDArray[np.floating], *, power: float) -> Array:
    """The light of a star at `centre` (row, column) with rays of these lengths in pixels, in [0, 1], shape (height, width).

    (length^2 / distance^2)^power, smoothed across each ray; lengths are interpolated between neighbouring rays.
    """
    down = np.arange(size[0], dtype=np.float32)[:, None] - np.float32(centre[0])
    right = np.arange(size[1], dtype=np.float32) - np.float32(centre[1])
    ray = (np.arctan2(right, down) + np.float32(np.pi)) * np.float32(len(lengths) / (2 * np.pi))
    first = ray.astype(np.intp)
    share = ray - first
    around = np.append(lengths, lengths[:2]).astype(np.float32)
    length = np.take(around, first)
    length += share * (np.take(around, first + 1) - length)
    light = length**2 / (down**2 + right**2 + np.float32(1e-4))
    light = light if power == 1 else light ** np.float32(power)
    return np.minimum((1 - (share - np.float32(0.5)) ** 2) * light, 1)
