"""The slope of a codec that rounds the coefficients of small blocks, read off from what it gave back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

_LEVELS = 255
_TO_YCC = ((0.299, 0.587, 0.114), (-0.168735892, -0.331264108, 0.5), (0.5, -0.418687589, -0.081312411))
_FARTHEST = 0.6
"""Steps from a rounded coefficient beyond which the slope grows no more: codecs that set small coefficients to 0 go further than half."""
_EVERYWHERE = 0.25
"""The mean of 3 d^2 over a step, which every coefficient has besides: moves of several steps pass over all that is between."""
_LEAST_STEP = 1.0
Steps = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class RoundedBlocks:
    """What a codec is known to do: the cosine transform of blocks is rounded to whole steps, and colours are halved in size.

    Args:
        side: of the blocks, in pixels.
        luma, chroma: the steps of brightness and of colours in grey levels, (side, side); None where they are the same for all coefficients
            of an image, and are then read off from the errors: `sqrt(12)` times their root mean square, as of a uniform rounding.
        halved: whether colours are written at half the resolution.

    A coefficient that was rounded by d steps has the slope 3 d^2, as in Shin & Song 2017 [shin2017jpeg]: none where it stays what it is,
    and most where it is about to tip; and besides the mean of that over a step, 1/4, which leads moves of several steps. There d is
    computed by a copy of the codec; here it is the difference between what went into the codec and what came out of it, so prediction from
    neighbours and the choices of an encoder need not be known.
    """

    side: int
    luma: Steps | None = None
    chroma: Steps | None = None
    halved: bool = True

    def carried(self, x: Tensor, seen: Tensor) -> Tensor:
        """A function of x with that slope, for images (n, 1 or 3, height, width) in [0, 1] that the codec gave back as `seen`."""
        if x.shape[1] == 1:
            return self._sloped(x * _LEVELS, seen * _LEVELS, self.luma) / _LEVELS
        to = torch.tensor(_TO_YCC).to(x)
        into, out = (torch.einsum("ij,njhw->nihw", to, part * _LEVELS) for part in (x, seen))
        brightness = self._sloped(into[:, :1], out[:, :1], self.luma)
        colours = self._of_colours(into[:, 1:], out[:, 1:])
        return torch.einsum("ij,njhw->nihw", torch.linalg.inv(to), torch.cat([brightness, colours], dim=1)) / _LEVELS

    def _of_colours(self, into: Tensor, out: Tensor) -> Tensor:
        if not self.halved:
            return self._sloped(into, out, self.chroma)
        height, width = into.shape[2:]
        small = self._sloped(_half(into), _half(out), self.chroma)
        return F.interpolate(small, scale_factor=2, mode="bilinear", align_corners=False)[:, :, :height, :width]

    def _sloped(self, into: Tensor, out: Tensor, steps: Steps | None) -> Tensor:
        """Planes (n, c, height, width) in grey levels, each coefficient times its slope."""
        coefficients = self._blocks(into)
        error = (coefficients - self._blocks(out)).detach()
        away = (error.abs() / self._steps(error, steps)).clamp(max=_FARTHEST)
        return self._planes(coefficients * (_EVERYWHERE + 3 * away.square()), *into.shape[2:])

    def _steps(self, error: Tensor, steps: Steps | None) -> Tensor:
        if steps is not None:
            return torch.tensor(steps).to(error)
        low = error[..., : self.side // 2, : self.side // 2]  # high ones are mostly 0, before and behind the codec
        return (12 * low.square().mean((2, 3, 4, 5), keepdim=True)).sqrt().clamp_min(_LEAST_STEP)

    def _blocks(self, planes: Tensor) -> Tensor:
        """The coefficients, (n, c, rows, columns, side, side); edges are repeated to whole blocks."""
        side, (n, channels, height, width) = self.side, planes.shape
        whole = F.pad(planes, (0, -width % side, 0, -height % side), mode="replicate")
        blocks = whole.reshape(n, channels, whole.shape[2] // side, side, whole.shape[3] // side, side).transpose(3, 4)
        basis = _cosines(side).to(planes)
        return basis @ blocks @ basis.T

    def _planes(self, coefficients: Tensor, height: int, width: int) -> Tensor:
        n, channels, rows, columns = coefficients.shape[:4]
        basis = _cosines(self.side).to(coefficients)
        whole = (basis.T @ coefficients @ basis).transpose(3, 4)
        return whole.reshape(n, channels, rows * self.side, columns * self.side)[:, :, :height, :width]


def _half(planes: Tensor) -> Tensor:
    """At half the resolution; a last odd row or column is repeated."""
    height, width = planes.shape[2:]
    return F.avg_pool2d(F.pad(planes, (0, width % 2, 0, height % 2), mode="replicate"), 2)


@lru_cache(maxsize=8)
def _cosines(side: int) -> Tensor:
    """The orthonormal cosine basis of `side` numbers, one a row."""
    order = torch.arange(side, dtype=torch.float64)
    basis = torch.cos((2 * order + 1) * order[:, None] * math.pi / (2 * side)) * math.sqrt(2 / side)
    basis[0] /= math.sqrt(2)
    return basis
