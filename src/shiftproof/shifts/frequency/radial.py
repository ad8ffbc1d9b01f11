"""The base classes of frequency filters: a mask over the distance from the zero frequency."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof._errors import UsageError, must
from shiftproof.data.space import Kind
from shiftproof.shifts._in_cache import in_cache
from shiftproof.shifts._spaces import check_bounded
from shiftproof.shifts.abstract import Boxed, Params

_ROUNDING = 1e-9
_FAINT = 1e-5
"""A standard deviation below this share of the box is rounding."""


@dataclass(frozen=True)
class RadialFilter(Boxed):
    """Keeps the frequencies of each channel whose distance from zero is in the mask.

    A distance is a share of the Nyquist frequency, half a cycle per pixel: 1 is the finest horizontal or vertical stripe and the corners of
    the spectrum lie at 1.41. On an image of n x n pixels the radius r of Wang et al. (2020) is 2 r / n here. As in their code, a frequency
    exactly at a radius counts as above it.

    There is only one move, so params are empty, shape (n, 0).
    """

    kinds: ClassVar[frozenset[Kind]] = frozenset({"image"})
    references: ClassVar[tuple[str, ...]] = ("wang2020high", "yin2019fourier")

    def check(self) -> None:
        check_bounded(self.name, self.space)

    def limits(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return (), ()

    @abstractmethod
    def keeps(self, distance: Tensor) -> Tensor:
        """The frequencies that are kept: a mask of the shape of `distance`."""

    def part(self, x: Tensor) -> Tensor:
        """The part of x (n, c, h, w) in the band: linear in x, not clipped to the box."""
        height, width = x.shape[2:]
        down = torch.arange(height, dtype=torch.float64, device=x.device)
        down = torch.minimum(down, height - down) / (height / 2)
        right = torch.arange(width // 2 + 1, dtype=torch.float64, device=x.device) / (width / 2)
        mask = self.keeps(torch.hypot(down[:, None], right))
        if not bool(mask.any()):
            raise UsageError(f"{self.spec()} keeps no frequency of images of {height}x{width} pixels. Widen the band.")
        filtered: Tensor = torch.fft.irfft2(torch.fft.rfft2(x) * mask, s=(height, width))
        return filtered

    def apply(self, x: Tensor, params: Params) -> Tensor:
        return in_cache(self._filter, x, params)

    def _filter(self, x: Tensor, params: Params) -> Tensor:
        part = self.part(x)
        return part.clamp(self.space.low, self.space.high)


@dataclass(frozen=True)
class Centred(RadialFilter):
    """A filter that removes the zero frequency, so what is left has mean 0 and is shown around the midpoint of the box.

    What is left is faint. With a `std` above 0 it is scaled to that standard deviation over all pixels and channels of the image, as a
    share of the box's width; an image of which only rounding is left is not scaled.
    """

    def check_std(self, std: float) -> None:
        """Raises `UsageError` unless `std` is a standard deviation that fits into a box."""
        if not 0 <= std <= 0.5:
            raise must("std", self.name, "be in [0, 0.5]", std, "It is a share of the box's width; 0 leaves the spread as it is.")

    def spread(self) -> float:
        """The standard deviation that each image is scaled to, as a share of the box's width; 0 does not scale."""
        return 0.0

    def _filter(self, x: Tensor, params: Params) -> Tensor:
        middle = (self.space.low + self.space.high) / 2
        part, width = self.part(x), self.space.high - self.space.low
        if self.spread():
            own = part.square().mean((1, 2, 3), keepdim=True).sqrt()
            part = part * torch.where(own > _FAINT * width, self.spread() * width / own, torch.ones_like(own))
        return (part + middle).clamp(self.space.low, self.space.high)


def below(distance: Tensor, radius: float) -> Tensor:
    """Where a distance is less than `radius`; distances equal up to rounding are not less."""
    return distance < radius * (1 - _ROUNDING)
