"""The base classes of moves of the whole image, and bilinear reads between pixels."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from shiftproof.data.space import Kind
from shiftproof.shifts._in_cache import in_cache
from shiftproof.shifts._spaces import check_bounded
from shiftproof.shifts.abstract import Boxed, Params

PUBLISHED = "Published attacks use 30 degrees, and 3 pixels of 28 or 32 (24 of 224)."
_NUDGE = 1e-9
"""Added to each number of a move: far above float64 rounding, far below what changes a pixel."""


@dataclass(frozen=True)
class Spatial(Boxed):
    """A move of the whole image; what enters from outside is black, the least value of the box."""

    kinds: ClassVar[frozenset[Kind]] = frozenset({"image"})
    references: ClassVar[tuple[str, ...]] = ("engstrom2019exploring",)

    def check(self) -> None:
        check_bounded(self.name, self.space)


@dataclass(frozen=True)
class Warp(Spatial):
    """A move given by the position at which each pixel of the new image is read in the old one, bilinear."""

    @abstractmethod
    def sources(self, params: Params, down: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
        """Where pixels are read: row and column in pixels from the image's centre, each (n, h, w), float64.

        `params` has shape (n, k); `down`, shape (h, 1), and `right`, shape (w,), are the new pixels' positions from the centre. At the
        params that move nothing, `down` and `right` must be returned unchanged in every bit.
        """

    def apply(self, x: Tensor, params: Params) -> Tensor:
        return in_cache(self._warp, x, params)

    def _warp(self, x: Tensor, params: Params) -> Tensor:
        height, width = x.shape[2:]
        numbers = params.double()
        down = torch.arange(height, dtype=numbers.dtype, device=x.device)[:, None] - (height - 1) / 2
        right = torch.arange(width, dtype=numbers.dtype, device=x.device) - (width - 1) / 2

        def positions(at: Params) -> tuple[Tensor, Tensor]:
            row, column = self.sources(at, down, right)
            return (row + (height - 1) / 2).expand(len(x), height, width), (column + (width - 1) / 2).expand(len(x), height, width)

        # A whole position lies on the edge of two cells: the derivative is that of the cell it enters as the numbers grow.
        entering = positions(numbers.detach() + _NUDGE)
        return read_between(x, positions(numbers), entering, self.space.low).clamp(self.space.low, self.space.high)


def rotated(degrees: Tensor, down: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """`sources` of a rotation by `degrees`, shape (n,), counter-clockwise."""
    angle = torch.deg2rad(degrees)[:, None, None]
    return down * angle.cos() + right * angle.sin(), right * angle.cos() - down * angle.sin()


def scaled(log_factor: Tensor, down: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """`sources` of a change of size by exp(log_factor), shape (n,)."""
    shrink = log_factor.neg().exp()[:, None, None]
    return down * shrink, right * shrink


def read_between(x: Tensor, at: tuple[Tensor, Tensor], cell: tuple[Tensor, Tensor], fill: float) -> Tensor:
    """Bilinear reads of x (n, c, h, w) at (row, column), each (n, h, w) in pixels, between the corners of each `cell`; `fill` outside.

    torch's grid_sample is not used: it stores positions in float32 within [-1, 1], so at 224 pixels the identity is off by up to 3e-5.
    """
    height, width = x.shape[2:]
    # One pixel of padding represents everything outside.
    row, column = at[0].clamp(-1, height), at[1].clamp(-1, width)
    top, left = (place.detach().floor().clamp_(-1, size - 1) for place, size in zip(cell, (height, width), strict=True))
    along, aside = ((place - corner).to(x.dtype).flatten(1)[:, None] for place, corner in ((row, top), (column, left)))
    stride = width + 2
    index = ((top + 1) * stride + left + 1).long().flatten(1)[:, None].expand(-1, x.shape[1], -1)
    flat = F.pad(x, (1, 1, 1, 1), value=fill).flatten(2)
    above = torch.lerp(flat.gather(2, index), flat[..., 1:].gather(2, index), aside)
    below = torch.lerp(flat[..., stride:].gather(2, index), flat[..., stride + 1 :].gather(2, index), aside)
    return torch.lerp(above, below, along).view_as(x)
