"""Textures of frost: drawn from a fixed seed, or read from a folder of photographs."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shiftproof._errors import UsageError
from shiftproof.shifts.corruptions._draws import Array, Draws

PUBLISHED = ("frost1.png", "frost2.png", "frost3.png", "frost4.jpg", "frost5.jpg")
"""The photographs that the published code chooses from (it never chooses its sixth)."""
_SIDE = 480
_CRYSTALS, _ARMS, _BRANCHES = 34, 6, 9
_SIXTH = np.pi / 3
"""The angle between the arms of an ice crystal, and between an arm and its branches."""
_MOMENTS = ((0.51, 0.10), (0.80, 0.09), (0.76, 0.12), (0.60, 0.11), (0.48, 0.17))
"""Mean and standard deviation of each drawn texture, close to those of the photographs."""
_TINT = np.array([0.90, 1.00, 1.08], dtype=np.float32)


def texture(which: int, folder: str, scale: float) -> Array:
    """Texture 0 to 4, (h, w, 3) float32 in [0, 1], at `scale` of its size; read from `folder` unless that is empty."""
    return _scaled(which, folder, round(scale, 6))


@lru_cache(maxsize=16)
def _scaled(which: int, folder: str, scale: float) -> Array:
    import cv2

    full = _photograph(folder, PUBLISHED[which]) if folder else _drawn(which)
    if scale == 1:
        return full
    # As published: OpenCV's bilinear, on whole grey levels.
    levels = np.rint(full * np.float32(255)).astype(np.uint8)
    return np.asarray(cv2.resize(levels, (0, 0), fx=scale, fy=scale), dtype=np.float32) * np.float32(1 / 255)


@lru_cache(maxsize=len(PUBLISHED))
def _photograph(folder: str, name: str) -> Array:
    import cv2

    path = Path(folder) / name
    if not path.is_file():
        raise UsageError(
            f"The 'textures' of frost must be a folder with {', '.join(PUBLISHED)}, and '{path}' is missing. They are in the folder "
            "ImageNet-C/create_c of the authors' repository, hendrycks/robustness. Without 'textures', frost draws its own."
        )
    read = cv2.imread(str(path))
    if read is None:
        raise UsageError(f"The frost texture '{path}' cannot be read as an image.")
    return np.asarray(cv2.cvtColor(read, cv2.COLOR_BGR2RGB), dtype=np.float32) * np.float32(1 / 255)


@lru_cache(maxsize=len(PUBLISHED))
def _drawn(which: int) -> Array:
    """Ice crystals with six arms and branches at 60 degrees, on a cloudy pane."""
    import cv2

    draws = Draws(which)
    canvas = np.zeros((_SIDE, _SIDE), np.uint8)
    sharp = np.zeros((_SIDE, _SIDE), np.float32)
    for _ in range(4):  # crystals of a layer hide each other; layers are added
        canvas[:] = 0
        for _ in range(_CRYSTALS):
            _crystal(canvas, draws)
        sharp += canvas
    needles = cv2.GaussianBlur(sharp, (0, 0), 0.8) + 2 * cv2.GaussianBlur(sharp, (0, 0), 6)
    cloud = np.zeros((_SIDE, _SIDE), np.float32)
    for k, side in enumerate((4, 9, 20, 80)):
        cloud += cv2.resize(draws.normal(side, side), (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC) * np.float32(1 / (k + 1))
    pane = _standard(_standard(needles) + np.float32(0.8) * _standard(cloud) + np.float32(0.15) * draws.normal(_SIDE, _SIDE))
    mean, spread = _MOMENTS[which]
    grey = np.float32(mean) + np.float32(spread) * pane
    return np.clip(grey[..., None] * _TINT, 0, 1)


def _standard(values: Array) -> Array:
    return (values - values.mean()) / values.std()


def _crystal(canvas: npt.NDArray[np.uint8], draws: Draws) -> None:
    """One crystal at a random place, size, angle and brightness."""
    import cv2

    row, column, angle, size, light = draws.uniform(5).tolist()
    length = 25 + 110 * size**2
    shift = 4  # OpenCV's fixed point: 1/16 pixel
    turn = 2 * np.pi * angle + np.arange(_ARMS) * _SIXTH
    root = np.array([column, row]) * _SIDE
    tips = root + length * _directions(turn)
    share = (np.arange(_BRANCHES) + draws.uniform(_ARMS, _BRANCHES)) / _BRANCHES
    start = root + share[..., None] * (tips - root)[:, None]
    reach = 0.45 * length * (1 - share)[..., None]
    branches = [np.stack([start, start + reach * _directions(turn + side * _SIXTH)[:, None]], axis=2).reshape(-1, 2, 2) for side in (-1, 1)]
    arms = np.stack([np.broadcast_to(root, tips.shape), tips], axis=1)
    points = np.rint(np.concatenate([arms, *branches]) * 2**shift).astype(np.int32)
    cv2.polylines(canvas, list(points), False, 60 + int(195 * light), 1, cv2.LINE_AA, shift)


def _directions(turn: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Unit vectors (right, down) at angles of shape (k,), shape (k, 2)."""
    return np.stack([np.cos(turn), np.sin(turn)], axis=-1)
