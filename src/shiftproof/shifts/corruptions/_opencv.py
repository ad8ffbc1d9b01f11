"""OpenCV, which the extra `corruptions` brings: some corruptions are defined by its filters and warps, pixel by pixel."""

from __future__ import annotations

import importlib.util
from functools import cache

from shiftproof._errors import MissingExtra


@cache
def installed() -> bool:
    """Whether OpenCV is there; it is not imported."""
    return importlib.util.find_spec("cv2") is not None


def check_installed(owner: str) -> None:
    """Raises `MissingExtra` in the name of `owner` where OpenCV is not there."""
    if not installed():
        raise MissingExtra("opencv-python-headless", "corruptions", owner=owner)
