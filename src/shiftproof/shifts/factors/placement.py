"""The base class of moves of the object: it is cut out, the hole is filled, and it is put back in another place."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from shiftproof.shifts.abstract import Params
from shiftproof.shifts.factors.factor import Factor, box_of
from shiftproof.shifts.geometry.spatial import read_between

_NUDGE = 1e-9
"""Added to each number of a move: far above float64 rounding, far below what changes a pixel."""
Room = tuple[Tensor, Tensor, Tensor, Tensor]
"""First and last row and column of each object, shape (n, 1, 1) each."""


@dataclass(frozen=True)
class Placement(Factor):
    """The same object at another place, size or angle on its own background; bilinear, and cut off at the edge of the image."""

    @abstractmethod
    def sources(self, params: Params, down: Tensor, right: Tensor, room: Room) -> tuple[Tensor, Tensor]:
        """Where pixels of the object are read: row and column from the centre of its box, each broadcast to (n, h, w), float64.

        `down` and `right` are the new pixels' positions from there, shapes (n, h, 1) and (n, 1, w). At the params that move nothing they
        must be returned unchanged in every bit. The object's centre is a multiple of 1/2, so no position is rounded.
        """

    def change(self, x: Tensor, params: Params) -> Tensor:
        mask = self.object_of(x)
        room = tuple(end[:, None, None] for end in box_of(mask))
        middle_row, middle_column = (room[0] + room[1]) / 2, (room[2] + room[3]) / 2
        numbers = params.double()
        down = torch.arange(x.shape[2], dtype=torch.float64, device=x.device)[:, None] - middle_row
        right = torch.arange(x.shape[3], dtype=torch.float64, device=x.device) - middle_column
        shape = (len(x), *x.shape[2:])

        def positions(at: Params) -> tuple[Tensor, Tensor]:
            row, column = self.sources(at, down, right, (room[0], room[1], room[2], room[3]))
            return (row + middle_row).expand(shape), (column + middle_column).expand(shape)

        at, entering = positions(numbers), positions(numbers.detach() + _NUDGE)
        object_ = read_between(x, at, entering, self.space.low)
        share = read_between(mask[:, None].to(x.dtype), at, entering, 0.0)
        return torch.lerp(self.background_of(x, mask), object_, share).clamp(self.space.low, self.space.high)
