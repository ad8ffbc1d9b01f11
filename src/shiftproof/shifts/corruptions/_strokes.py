"""Strokes on a grid of 28 x 28, and the same on larger images."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from shiftproof.shifts.corruptions._draws import Array

Point = tuple[float, float]
"""Column and row, in pixels of 28."""


def positions(size: int) -> npt.NDArray[np.float64]:
    """The positions of a line of `size` pixels on a line of 28."""
    return np.asarray((np.arange(size) + 0.5) * (28 / size) - 0.5, dtype=np.float64)


def stroke(size: tuple[int, int], left: Point, right: Point) -> Array:
    """A stroke from `left` to `right` that fades with the distance d in rows as 1 + log(1 - d / 2.3), shape (height, width)."""
    rows, columns = (positions(side) for side in size)
    if left[0] == right[0]:
        return np.zeros(size, np.float32)
    slope = (right[1] - left[1]) / (right[0] - left[0])
    distance = np.clip(np.abs(rows[:, None] - (left[1] + slope * (columns - left[0]))), 0, 2.3 - 1e-10)
    line = np.clip(np.log(1 - distance / 2.3) + 1, 0, 1)
    return np.asarray(line * ((columns >= np.floor(left[0])) & (columns < np.ceil(right[0]))), dtype=np.float32)


def anti_aliased(start: tuple[int, int], end: tuple[int, int]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Array]:
    """Rows, columns and ink of a line one pixel wide between two pixels; ink is 1 less the distance from the line.

    Reference: the distances are those of Zingl 2012 [zingl2012rasterizing], "A rasterizing algorithm for drawing curves".
    """
    across = np.array([end[0] - start[0], end[1] - start[1]], dtype=np.float64)
    length = float(np.hypot(*across))
    if not length:
        return np.array([start[0]]), np.array([start[1]]), np.ones(1, np.float32)
    steep = int(abs(across[0]) < abs(across[1]))  # the axis along which the line is longer
    run = np.arange(int(abs(across[steep])) + 1) * int(np.sign(across[steep])) + start[steep]
    exact = start[1 - steep] + (run - start[steep]) * (across[1 - steep] / across[steep])
    near = np.floor(exact).astype(np.intp)[:, None] + np.arange(-1, 3)
    ink = 1 - np.abs(near - exact[:, None]) * abs(across[steep]) / length
    kept = ink > 0
    runs = np.broadcast_to(run[:, None], near.shape)[kept]
    across_places = near[kept]
    rows, columns = (runs, across_places) if steep == 0 else (across_places, runs)
    return rows.astype(np.intp), columns, ink[kept].astype(np.float32)
