"""The outer quarters of the image inverted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from shiftproof.shifts.corruptions._draws import Array, Draws
from shiftproof.shifts.corruptions.constants import MIXED, Blend
from shiftproof.shifts.corruptions.image_by_image import ImageByImage


@dataclass(frozen=True)
class Stripe(ImageByImage[Blend]):
    """x -> 1 - x in the left and the right quarter of the columns.

    MNIST-C publishes one strength, which is severity 5; below it the clean and the published image are mixed.

    Args:
        severity: in (0, 5].

    Params are (severity,), shape (n, 1).

    Example:
        >>> import torch
        >>> x, shift = torch.zeros(1, 1, 28, 28), Stripe(5)
        >>> moved = shift.apply(x, torch.tensor([[5.0]]))
        >>> float(moved.mean())
        0.5

    Reference: Mu & Gilmer 2019, "MNIST-C: a robustness benchmark for computer vision".
    """

    name: ClassVar[str] = "stripe"
    references: ClassVar[tuple[str, ...]] = ("mu2019mnist",)
    published: ClassVar = {"mnist_c": MIXED}

    def picture(self, image: Array, c: Blend, draws: Draws) -> Array:
        width = image.shape[1]
        moved = image.copy()
        for outer in (slice(0, width // 4), slice(width - width // 4, width)):
            moved[:, outer] += np.float32(c.share) * (1 - 2 * image[:, outer])
        return moved
