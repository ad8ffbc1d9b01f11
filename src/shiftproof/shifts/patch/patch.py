"""An adversarial patch: a square of the image is replaced by any content."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof._errors import UsageError, must
from shiftproof.data.space import Kind
from shiftproof.randomness import Rng
from shiftproof.shifts._spaces import check_bounded
from shiftproof.shifts.abstract import Differentiable, Params

PLACES = ("anywhere", "centre")


@dataclass(frozen=True)
class Patch(Differentiable):
    """A square of `side` pixels, of any content, pasted over the image; each image has its own.

    x'[r : r + side, c : c + side] = content

    Args:
        side: of the square, in pixels, from 1 on; images must be at least as large.
        place: "anywhere" (the position is part of the move) or "centre".

    Params, shape (n, 2 + channels * side * side), all in [0, 1]: the position as shares of the rows and columns where the square's upper
    left corner may lie, then the content as shares of the box, channel by channel.

    Guarantees:
        Pixels outside the square are unchanged. Gradients move the content only, so a gradient search keeps the position of its start, and
        restarts try other positions. At the origin the square lies at the centre and contains what is there: nothing changes.

    Example:
        >>> import torch
        >>> shift, x = Patch(1, place="centre"), torch.zeros(1, 1, 3, 3)
        >>> shift.apply(x, torch.tensor([[0.5, 0.5, 1.0]]))[0, 0]
        tensor([[0., 0., 0.],
                [0., 1., 0.],
                [0., 0., 0.]])

    Reference: Brown et al. 2017, "Adversarial patch". Per image: Karmon, Zoran & Goldberg 2018, "LaVAN".
    """

    name: ClassVar[str] = "patch"
    kinds: ClassVar[frozenset[Kind]] = frozenset({"image"})
    strength: ClassVar[str] = "side"
    references: ClassVar[tuple[str, ...]] = (
        "brown2017adversarial",
        "karmon2018lavan",
    )

    side: int
    place: str = "anywhere"

    @classmethod
    def examples_for_check(cls) -> list[Patch]:
        """Anywhere and at the centre."""
        return [cls(3), cls(2, place="centre")]

    def check(self) -> None:
        self.require("side", least=1, hint="It is in pixels.")
        if self.place not in PLACES:
            raise must("place", self.name, f"be one of {', '.join(PLACES)}", self.place)
        check_bounded(self.name, self.space)

    def _ends(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Least and greatest value of each number of a move, shape (numbers,)."""
        if min(x.shape[2:]) < self.side:
            raise must("side", self.name, f"be at most {min(x.shape[2:])}, as the images are {x.shape[3]} x {x.shape[2]}", self.side)
        low, high = x.new_zeros(2 + x.shape[1] * self.side**2), x.new_ones(2 + x.shape[1] * self.side**2)
        if self.place == "centre":
            low[:2] = high[:2] = 0.5
        return low, high

    def sample(self, x: Tensor, rng: Rng) -> Params:
        low, high = self._ends(x)
        return low + (high - low) * rng.uniform(len(low)).to(low)

    def project(self, x: Tensor, params: Params) -> Params:
        return params.clamp(*(end.to(params) for end in self._ends(x)))

    def excess(self, x: Tensor, params: Params) -> Tensor:
        low, high = self._ends(x)
        return torch.maximum(low - params, params - high).amax(1)

    def origin(self, x: Tensor) -> Params:
        """The content of the centre: the move that changes nothing."""
        low, _ = self._ends(x)
        height, width = x.shape[2:]
        top, left = ((size - self.side + 1) // 2 for size in (height, width))
        under = x[:, :, top : top + self.side, left : left + self.side].flatten(1)
        content = (under - self.space.low) / (self.space.high - self.space.low)
        return torch.cat([low.new_full((len(x), 2), 0.5), content], dim=1)

    def ascend(self, params: Params, gradient: Tensor, step: float) -> Params:
        return params + step / 2 * gradient.sign()

    def apply(self, x: Tensor, params: Params) -> Tensor:
        if x.dim() != 4:
            raise UsageError(f"{self.name} needs images of shape (n, channels, height, width), got {tuple(x.shape)}.")
        height, width = x.shape[2:]
        rows, columns = (self._within(share, size, x) for share, size in ((params[:, 0], height), (params[:, 1], width)))
        inside = (rows >= 0)[:, :, None] & (columns >= 0)[:, None, :]
        pixel = (rows.clamp_min(0)[:, :, None] * self.side + columns.clamp_min(0)[:, None, :]).flatten(1)
        content = self.space.low + (self.space.high - self.space.low) * params[:, 2:].to(x)
        spread = content.reshape(len(x), x.shape[1], self.side**2).gather(2, pixel[:, None].expand(-1, x.shape[1], -1))
        moved = torch.where(inside[:, None], spread.reshape(x.shape), x)
        with torch.no_grad():
            moved.clamp_(self.space.low, self.space.high)  # rounding only
        return moved

    def _within(self, share: Tensor, size: int, x: Tensor) -> Tensor:
        """For each of `size` lines its index inside the square of each image, and -1 outside; shape (n, size)."""
        starts = size - self.side + 1
        if self.place == "centre":
            share = torch.full_like(share, 0.5)
        first = (share.detach().double() * starts).floor().long().clamp(0, starts - 1)
        line = torch.arange(size, device=x.device) - first.to(x.device)[:, None]
        return line.masked_fill((line < 0) | (line >= self.side), -1)
