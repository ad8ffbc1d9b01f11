"""Masks of objects: given by the user, read from the alpha channel, or estimated from the colour of the image's border."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from shiftproof._errors import UsageError, must

ESTIMATED, ALPHA, GIVEN = "estimated", "alpha", "given"


@dataclass(frozen=True, eq=False)
class Masks:
    """The user's masks, one per image, looked up by the image's pixels.

    Args:
        by_digest: for the digest of each image, its mask of shape (h, w), bool.

    >>> x = torch.rand(2, 3, 8, 8)
    >>> masks = Masks.of(x, x[:, 0] > 0.5)
    >>> bool((masks.find(x[1:]) == (x[1:, 0] > 0.5)).all())
    True
    """

    by_digest: dict[str, Tensor]

    @classmethod
    def of(cls, x: Tensor, masks: Tensor) -> Masks:
        """Masks of shape (n, h, w), true on the object, of the images x, shape (n, c, h, w), in the same order."""
        if x.dim() != 4 or masks.shape != (len(x), *x.shape[2:]):
            expected = (len(x), *x.shape[2:]) if x.dim() == 4 else "(n, h, w) of images (n, c, h, w)"
            raise must("masks", "the object", f"have shape {expected}", tuple(masks.shape))
        return cls({_digest(image): mask.bool().cpu() for image, mask in zip(x, masks, strict=True)})

    def fingerprint(self) -> str:
        """A short name of these masks, which is part of specs and so of a run's identity."""
        digest = hashlib.sha256()
        for name, mask in sorted(self.by_digest.items()):
            digest.update(name.encode() + np.packbits(mask.numpy()).tobytes())
        return digest.hexdigest()[:12]

    def find(self, x: Tensor) -> Tensor:
        """The masks of the images x, shape (n, h, w), bool.

        Raises:
            UsageError: an image has no mask, for example because another shift has changed it before.
        """
        names = [_digest(image) for image in x]
        missing = sum(name not in self.by_digest for name in names)
        if missing:
            raise UsageError(
                f"{missing} of {len(x)} images have no mask: their pixels differ from those that the masks were given for. Give masks for "
                "all of the data, put this shift first in a composition, or use mask=estimated."
            )
        return torch.stack([self.by_digest[name] for name in names]).to(x.device)


def _digest(image: Tensor) -> str:
    """The name of an image, the same in float32 and float64."""
    return hashlib.blake2b(image.detach().cpu().float().contiguous().numpy().tobytes(), digest_size=16).hexdigest()


def border_colour(x: Tensor) -> Tensor:
    """The median of each channel over the outermost pixels, shape (n, c)."""
    top, bottom, left, right = x[:, :, 0], x[:, :, -1], x[:, :, :, 0], x[:, :, :, -1]
    return torch.cat([top, bottom, left, right], dim=2).median(2).values


def estimate(x: Tensor) -> Tensor:
    """Where images x (n, c, h, w) differ from their border's colour, shape (n, h, w), bool.

    The distance from that colour is split by Otsu's threshold, the one of greatest variance between the two sides, searched over all
    thresholds instead of a histogram's. The object is what lies above it, grown by one pixel for its soft edge. An image of one colour has
    no object.

    Reference: Otsu 1979 [otsu1979threshold], "A threshold selection method from gray-level histograms".
    """
    n, _, height, width = x.shape
    far = (x - border_colour(x)[:, :, None, None]).double().square().sum(1).flatten(1)
    ordered = far.sqrt().sort(1).values
    count = torch.arange(1, ordered.shape[1], device=x.device, dtype=ordered.dtype)
    below = ordered.cumsum(1)[:, :-1]
    above = ordered.sum(1, keepdim=True) - below
    rest = ordered.shape[1] - count
    gap = ordered[:, 1:] > ordered[:, :-1]  # equal distances are never split
    between = (count * rest * (below / count - above / rest).square()).where(gap, -1.0)
    threshold = ordered.gather(1, between.argmax(1, keepdim=True)).where(gap.any(1, keepdim=True), torch.inf)
    object_ = (far.sqrt() > threshold).reshape(n, 1, height, width)
    return F.max_pool2d(object_.to(x.dtype), 3, stride=1, padding=1)[:, 0] > 0


def fill_hole(x: Tensor, hole: Tensor) -> Tensor:
    """Images x (n, c, h, w) with the pixels of `hole` (n, h, w) filled from around it.

    Each takes the mean of the pixels outside the hole in the smallest window around it (3, 7, 15, ... pixels per side) that contains any,
    or
    the border's colour where none is left. Other pixels are unchanged.
    """
    kept = ~hole[:, None]
    filled = torch.where(kept, x, border_colour(x)[:, :, None, None])
    missing, reach = ~kept, 1
    seen, weight = torch.where(kept, x, 0.0).double(), kept.double()
    while bool(missing.any()) and reach < max(x.shape[2:]):
        share = _window_sum(weight, reach)
        mean = (_window_sum(seen, reach) / share.clamp_min(1)).to(x.dtype)
        reached = missing & (share > 0)
        filled = torch.where(reached, mean, filled)
        missing, reach = missing & ~reached, 2 * reach + 1
    return filled


def _window_sum(x: Tensor, reach: int) -> Tensor:
    """Sums over squares of 2 * reach + 1 pixels per side around each pixel of x (n, c, h, w), in float64; cost independent of `reach`."""
    for axis in (-1, -2):
        size = x.shape[axis]
        place = torch.arange(size, device=x.device)
        total = torch.cat([torch.zeros_like(x.narrow(axis, 0, 1)), x.cumsum(axis)], dim=axis)
        x = total.index_select(axis, (place + reach + 1).clamp_max(size)) - total.index_select(axis, (place - reach).clamp_min(0))
    return x
