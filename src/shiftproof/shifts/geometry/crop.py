"""A crop: a window of the image enlarged to the whole image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from shiftproof.shifts.abstract import Params
from shiftproof.shifts.geometry.spatial import Warp


@dataclass(frozen=True)
class Crop(Warp):
    """A window with sides of at least 1 - share of the image's, anywhere in it, enlarged to the whole image; bilinear.

    Args:
        share: the largest part of each side's length that is cut off, in (0, 1).

    Params are (cut, across, down), shape (n, 3): the share that is cut off, in [0, share], and the window's position, from -1
    (left, top) to 1 (right, bottom).

    Guarantees:
        cut = 0 changes no bit; nothing is read from outside the image. Differentiable.

    Example:
        >>> import torch
        >>> x = torch.tensor([0.0, 0.2, 0.4, 0.6, 0.8]).expand(1, 1, 5, 5)
        >>> Crop(0.5).apply(x, torch.tensor([[0.5, 1.0, 0.0]], dtype=torch.float64))[0, 0, 0]  # the right half
        tensor([0.4000, 0.5000, 0.6000, 0.7000, 0.8000])

    Reference: Engstrom et al. 2019, "Exploring the landscape of spatial robustness" (the same attack with another transformation).
    """

    name: ClassVar[str] = "crop"
    strength: ClassVar[str] = "share"

    share: float

    def check(self) -> None:
        super().check()
        self.require("share", within="(0, 1)", hint="It is the part of each side that is cut off.")

    def limits(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return (0.0, -1.0, -1.0), (self.share, 1.0, 1.0)

    def sources(self, params: Params, down: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
        cut, across, under = params[:, :, None, None].unbind(1)
        row = down * (1 - cut) + under * cut * ((down.shape[0] - 1) / 2)
        return row, right * (1 - cut) + across * cut * ((len(right) - 1) / 2)
