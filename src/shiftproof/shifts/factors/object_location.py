"""The object moved within the image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof.shifts.abstract import Params
from shiftproof.shifts.factors.placement import Placement, Room


@dataclass(frozen=True)
class ObjectLocation(Placement):
    """The object moved on its own background by up to `share` of the room on each side, so that it never leaves the image.

    Args:
        share: in (0, 1]; at 1 the object may touch every edge.
        mask: how the object is found: "estimated", "alpha", or given in Python by `with_masks`.

    Params are (across, under), shape (n, 2), each in [-share, share]: 1 moves the object's box to the right (lower) edge, -1 to the
    left (upper) edge, 0 leaves it. What it uncovers is filled with the mean of the nearest background.

    Guarantees:
        (0, 0) changes no bit, and moves by whole pixels are exact. Differentiable; at 0 the derivative is the one-sided derivative to the
        right and down. An estimated mask can be wrong.

    Example:
        >>> import torch
        >>> x = torch.zeros(1, 1, 7, 7)
        >>> x[..., 3, 3] = 1  # its mask is grown by a pixel, so there is room for two pixels
        >>> ObjectLocation(1).apply(x, torch.tensor([[1.0, -0.5]], dtype=torch.float64))[0, 0].nonzero().tolist()
        [[2, 5]]

    Reference: Djolonga et al. 2021, "On robustness and transferability of convolutional neural networks" (SI-Score); Li et al. 2023,
    "ImageNet-E".
    """

    name: ClassVar[str] = "object_location"
    strength: ClassVar[str] = "share"

    share: float

    def check(self) -> None:
        super().check()
        self.require("share", within="(0, 1]", hint="It is the part of the room beside the object that is used.")

    def limits(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return (-self.share, -self.share), (self.share, self.share)

    def sources(self, params: Params, down: Tensor, right: Tensor, room: Room) -> tuple[Tensor, Tensor]:
        across, under = params[:, :, None, None].unbind(1)
        top, bottom, left, right_end = room
        height, width = down.shape[1], right.shape[2]
        dx = torch.where(across >= 0, across * (width - 1 - right_end), across * left)
        dy = torch.where(under >= 0, under * (height - 1 - bottom), under * top)
        return down - dy, right - dx
