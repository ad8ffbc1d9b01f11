"""Fog: a fractal layer of white, and less light overall."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from shiftproof.shifts.corruptions._draws import Array, Draws
from shiftproof.shifts.corruptions.constants import table
from shiftproof.shifts.corruptions.image_by_image import ImageByImage


class Veil(NamedTuple):
    """How much fog is added, and the factor by which the fractal's steps shrink from one scale to the next."""

    amount: float
    decay: float


_IMAGENET_C = table(Veil, (0.0, 2.0), (1.5, 2.0), (2.0, 2.0), (2.5, 1.7), (2.5, 1.5), (3.0, 1.4))


@dataclass(frozen=True)
class Fog(ImageByImage[Veil]):
    """(x + amount * veil) * m / (m + amount), with m the largest value of the image and the veil a diamond-square fractal in [0, 1].

    The fractal has the next power of 2 of pixels per side (256 in the MNIST-C setting, of which a corner is used, as published).

    Args:
        severity: in (0, 5].

    Params are (severity, seed), shape (n, 2).

    Example:
        >>> import torch
        >>> from shiftproof.randomness import Rng
        >>> x, shift = torch.rand(1, 3, 64, 64), Fog(3)
        >>> moved = shift.apply(x, shift.sample(x, Rng.for_ids(0, ["a"])))
        >>> bool(moved.std() < x.std())
        True

    Reference: Hendrycks & Dietterich 2019, "Benchmarking neural network robustness to common corruptions and perturbations".
    """

    name: ClassVar[str] = "fog"
    random: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ("hendrycks2019benchmarking", "mu2019mnist")
    published: ClassVar = {
        "imagenet_c": _IMAGENET_C,
        "cifar_10_c": table(Veil, (0.0, 3.0), (0.2, 3.0), (0.5, 3.0), (0.75, 2.5), (1.0, 2.0), (1.5, 1.75)),
        "tiny_imagenet_c": table(Veil, (0.0, 3.0), (0.4, 3.0), (0.7, 3.0), (1.0, 2.5), (1.5, 2.0), (2.0, 1.75)),
        "mnist_c": _IMAGENET_C,
    }

    def picture(self, image: Array, c: Veil, draws: Draws) -> Array:
        height, width, channels = image.shape
        digits = self.setting_for((channels, height, width)) == "mnist_c"
        size = 256 if digits else 1 << (max(height, width) - 1).bit_length()
        veil = _fractal(size, c.decay, draws)[:height, :width]
        brightest = float(image.max())
        foggy = np.repeat(veil * np.float32(c.amount), channels).reshape(image.shape)
        foggy += image
        foggy *= np.float32(brightest / (brightest + c.amount) if brightest else 0)
        return foggy


def _fractal(size: int, decay: float, draws: Draws) -> Array:
    """A periodic diamond-square fractal: means of four neighbours plus uniform steps that shrink from scale to scale."""
    noise = draws.rough(size * size)
    noise *= np.float32(2)
    noise -= np.float32(1)
    used = 0

    def step(total: Array) -> Array:
        nonlocal used
        drawn = noise[used : used + total.size].reshape(total.shape)
        used += total.size
        total *= np.float32(0.25)
        total += drawn * np.float32(step_size * step_size)
        return total

    corners, step_size = np.zeros((1, 1), np.float32), 100.0  # squared where used, as published
    while len(corners) < size:
        across = corners + _following(corners, 0)
        centres = step(across + _following(across, 1))
        side = len(corners)
        fine = np.empty((2 * side, 2 * side), np.float32)
        fine[::2, ::2], fine[1::2, 1::2] = corners, centres
        fine[::2, 1::2] = step(centres + _preceding(centres, 0) + corners + _following(corners, 1))
        fine[1::2, ::2] = step(centres + _preceding(centres, 1) + corners + _following(corners, 0))
        corners, step_size = fine, step_size / decay
    corners -= corners.min()
    corners *= np.float32(1 / max(float(corners.max()), 1e-30))
    return corners


def _following(values: Array, axis: int) -> Array:
    """Each value's successor along an axis, periodic."""
    return np.concatenate((values[1:], values[:1])) if axis == 0 else np.concatenate((values[:, 1:], values[:, :1]), axis=1)


def _preceding(values: Array, axis: int) -> Array:
    """Each value's predecessor along an axis, periodic."""
    return np.concatenate((values[-1:], values[:-1])) if axis == 0 else np.concatenate((values[:, -1:], values[:, :-1]), axis=1)
