"""The base class of norm balls: additive moves of bounded size, kept inside the box."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import torch
from torch import Tensor

from shiftproof._errors import UsageError, must
from shiftproof.data.space import InputSpace
from shiftproof.shifts._spaces import check_bounded, check_movable
from shiftproof.shifts.abstract import Differentiable, Params
from shiftproof.shifts.norms.levels import on_levels

B = TypeVar("B", bound="Ball")


@dataclass(frozen=True)
class Ball(Differentiable):
    """Additive moves with norm at most `eps`, in the units of the inputs; moved inputs stay in the box.

    Params are the moves, of the shape and dtype of x. For tables a move is a share of each column's range, categorical columns do not move
    and integer columns move by whole numbers.

    With `levels`, moved inputs lie on that many evenly spaced values of the box, for data that do; gradients ignore the rounding.
    """

    strength: ClassVar[str] = "eps"

    eps: float
    levels: int = 0

    def check(self) -> None:
        check_movable(self.name, self.space)
        if self.levels < 0 or self.levels == 1:
            raise must("levels", self.name, "be 0 (any value) or at least 2", self.levels, "8-bit pixels have 256.")
        if self.levels and self.space.columns:
            raise UsageError(f"The levels of {self.name} apply to one box, and a table declares its whole numbers by column.")
        if self.levels:
            check_bounded(self.name, self.space)
        self.require("eps", within="(0, inf)", hint=self.units)

    def within(self: B, space: InputSpace) -> B:
        placed = super().within(space)
        if placed.eps > placed.largest():  # can only be checked here: 8 is too much in [0, 1] and little in [0, 255]
            rule = f"be at most {placed.largest():g}, which already reaches every input"
            raise must("eps", placed.name, rule, placed.eps, placed.units)
        return placed

    @property
    def units(self) -> str:
        """The units of `eps`, for messages."""
        return f"Units are those of the inputs ({self.space.units}): 8/255 is 0.0314."

    def largest(self) -> float:
        """The least eps at which the ball covers the whole box."""
        return self.space.width

    @abstractmethod
    def norm(self, move: Tensor) -> Tensor:
        """The size of each move, shape (n,)."""

    def origin(self, x: Tensor) -> Params:
        return torch.zeros_like(x)

    def apply(self, x: Tensor, params: Params) -> Tensor:
        if self.space.columns:
            return self.space.settle(x, x + params * self.space.scale(x))
        moved = x + params
        with torch.no_grad():
            # A legal move leaves the box by rounding only. Clipping in place does not change the gradient: masking it at the edges of the
            # box would cost three passes over the batch and hide directions from a search.
            moved.clamp_(self.space.low, self.space.high)
            if self.levels:
                moved.copy_(on_levels(x, moved, levels=self.levels, box=(self.space.low, self.space.high), legal=self._legal))
        return moved

    def _legal(self, move: Tensor) -> Tensor:
        return self.norm(move) <= self.eps * (1 + 4 * torch.finfo(move.dtype).eps)

    def room(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The least and greatest move of each feature inside the box, in units of `eps`."""
        low, high = self.space.bounds(x)
        scale = self.space.scale(x)
        if isinstance(scale, Tensor):
            still = scale == 0
            unit = scale.masked_fill(still, 1.0)
            return ((low - x) / unit).masked_fill(still, 0.0), ((high - x) / unit).masked_fill(still, 0.0)
        return low - x, high - x

    def excess(self, x: Tensor, params: Params) -> Tensor:
        return self.norm(params) - self.eps

    @property
    def tolerance(self) -> float:
        return 1e-5 * self.eps
