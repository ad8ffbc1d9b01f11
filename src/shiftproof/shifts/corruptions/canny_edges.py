"""The image replaced by its edges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from shiftproof.shifts.corruptions._draws import Array, Draws
from shiftproof.shifts.corruptions._grey import GREY
from shiftproof.shifts.corruptions.constants import MIXED, Blend
from shiftproof.shifts.corruptions.image_by_image import ImageByImage


@dataclass(frozen=True)
class CannyEdges(ImageByImage[Blend]):
    """Canny's edge detector: white where the image changes, black elsewhere.

    The image is smoothed by a Gaussian of 1 pixel. An edge is a Sobel magnitude of at least 0.1 that is largest across the edge and
    connected to one of at least 0.2. Colour images use their grey values.
    MNIST-C publishes one strength, which is severity 5; below it the clean and the published image are mixed.

    Args:
        severity: in (0, 5].

    Params are (severity,), shape (n, 1).

    Example:
        >>> import torch
        >>> x, shift = torch.zeros(1, 1, 28, 28), CannyEdges(5)
        >>> x[..., 14:] = 1
        >>> moved = shift.apply(x, torch.tensor([[5.0]]))
        >>> moved[0, 0, 10].nonzero().flatten().tolist()
        [13, 14]

    Reference: Mu & Gilmer 2019, "MNIST-C: a robustness benchmark for computer vision".
    """

    name: ClassVar[str] = "canny_edges"
    references: ClassVar[tuple[str, ...]] = ("mu2019mnist",)
    published: ClassVar = {"mnist_c": MIXED}

    def picture(self, image: Array, c: Blend, draws: Draws) -> Array:
        grey = image[..., 0] if image.shape[2] == 1 else image @ GREY
        return image + np.float32(c.share) * (_edges(grey.astype(np.float64)).astype(np.float32)[..., None] - image)


def _edges(grey: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Canny's edges of an image (h, w), in the conventions of scikit-image."""
    from scipy import ndimage

    share = ndimage.gaussian_filter(np.ones_like(grey), 1.0, mode="constant") + np.finfo(float).eps
    smooth = ndimage.gaussian_filter(grey, 1.0, mode="constant") / share
    down, right = (ndimage.sobel(smooth, axis=axis) for axis in (0, 1))
    strength = np.hypot(down, right)
    weak = _largest_across(strength, down, right) & (strength >= 0.1)
    weak[[0, -1]] = weak[:, [0, -1]] = False
    labels, count = ndimage.label(weak, np.ones((3, 3)))
    kept = np.zeros(count + 1, dtype=bool)
    kept[np.unique(labels[weak & (strength >= 0.2)])] = True
    kept[0] = False
    return np.asarray(kept[labels], dtype=np.bool_)


def _largest_across(
    strength: npt.NDArray[np.float64], down: npt.NDArray[np.float64], right: npt.NDArray[np.float64]
) -> npt.NDArray[np.bool_]:
    """Where the strength is at least that of both neighbours along the gradient, each interpolated between two pixels."""
    padded = np.pad(strength, 1)
    height, width = strength.shape

    def at(rows: int, columns: int) -> npt.NDArray[np.float64]:
        return padded[1 + rows : 1 + rows + height, 1 + columns : 1 + columns + width]

    same = ((down >= 0) & (right >= 0)) | ((down <= 0) & (right <= 0))
    steep = np.abs(down) > np.abs(right)
    steep = np.where(same, steep, np.abs(down) >= np.abs(right))
    least, most = np.minimum(np.abs(down), np.abs(right)), np.maximum(np.abs(down), np.abs(right))
    weight = least / np.where(most > 0, most, 1)
    side = np.where(same, 1, -1)
    held = (down != 0) | (right != 0)
    for sign in (1, -1):
        corner = np.where(side > 0, at(sign, sign), at(-sign, sign))
        straight = np.where(steep, np.where(side > 0, at(sign, 0), at(-sign, 0)), at(0, sign))
        held = held & (corner * weight + straight * (1 - weight) <= strength)
    return held
