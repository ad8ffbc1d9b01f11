"""What stands behind an object instead of its own background: one colour, noise, texture, or a picture of the user's."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from shiftproof._errors import UsageError, must
from shiftproof.data.space import InputSpace
from shiftproof.randomness import Rng
from shiftproof.shifts.factors.factor import Factor

COLOUR, NOISE, TEXTURE, IMAGES = "colour", "noise", "texture", "images"
DRAWN = (COLOUR, NOISE, TEXTURE)
"""Those that need nothing but a seed."""


def backdrop(shift: Factor, of: str, images: Tensor | None, x: Tensor, rng: Rng) -> Tensor:
    """A background for each of x (n, c, h, w), of its shape, in the box of the shift: drawn, or one of its images (m, c, h, w) by chance.

    Raises:
        UsageError: it takes images, and has none, or they differ in shape from the inputs.
    """
    if of != IMAGES:
        return drawn(of, x, rng, shift.space)
    if images is None:
        raise UsageError(f"{shift.spec()} takes its backgrounds from images, which can only be given in Python: shift.with_images(x).")
    if images.shape[1:] != x.shape[1:]:
        raise must("images", shift.name, f"have the inputs' shape {tuple(x.shape[1:])}", tuple(images.shape[1:]))
    number = (rng.uniform(1)[:, 0] * len(images)).long().clamp_max(len(images) - 1)
    return images.to(x)[number.to(x.device)]


def drawn(of: str, x: Tensor, rng: Rng, space: InputSpace) -> Tensor:
    """A background for each of x (n, c, h, w), of its shape, in the box.

    Args:
        of: "colour" (one random colour), "noise" (independent pixels) or "texture" (noise of all scales, the coarse strongest).
        x: the images.
        rng: one stream an image.
        space: the box.
    """
    _, channels, height, width = x.shape
    low, high = space.low, space.high
    if of == COLOUR:
        return rng.uniform(channels, 1, 1, low=low, high=high).to(x).expand_as(x)
    if of == NOISE:
        return rng.uniform(*x.shape[1:], low=low, high=high).to(x)
    octaves = x.new_zeros(x.shape)
    sides = [2**level for level in range(1, max(height, width).bit_length())]
    for side in sides:
        coarse = rng.child(side).uniform(channels, min(side, height), min(side, width)).to(x) - 0.5
        octaves = octaves + F.interpolate(coarse, size=(height, width), mode="bilinear", align_corners=False) * (2 / side)
    return (low + high) / 2 + (high - low) * octaves.clamp(-0.5, 0.5)
