"""A change of perspective: the image as seen from another position."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from shiftproof.shifts.abstract import Params
from shiftproof.shifts.geometry.spatial import Warp


@dataclass(frozen=True)
class Perspective(Warp):
    """A projective map that reads the new image's corners up to `share` of the sides away from the old corners, bilinear.

    What enters from outside is black (the box's least).

    Args:
        share: how far each corner may move along each side, as a share of that side, in (0, 0.25): below a quarter the image
            is never folded.

    Params, shape (n, 8), as shares of the sides: how far to the right the top left, top right, bottom right and bottom left corners are
    read, then how far down. Straight lines stay straight.

    Guarantees:
        Zeros change no bit. Differentiable.

    Example:
        >>> import torch
        >>> x = torch.arange(9.0).reshape(1, 1, 3, 3) / 8
        >>> right = torch.tensor([[0.2, 0.2, 0.2, 0.2, 0, 0, 0, 0]], dtype=torch.float64)  # all corners equal: a translation
        >>> Perspective(0.2).apply(x, right)[0, 0, 0]
        tensor([0.0500, 0.1750, 0.1500])

    Reference: Heckbert 1989 [heckbert1989fundamentals], "Fundamentals of texture mapping and image warping" (the map from a square to a
    quadrilateral).
    """

    name: ClassVar[str] = "perspective"
    strength: ClassVar[str] = "share"

    share: float

    def check(self) -> None:
        super().check()
        self.require("share", within="(0, 0.25)", hint="It is the part of a side by which each corner may move.")

    def limits(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return (-self.share,) * 8, (self.share,) * 8

    def sources(self, params: Params, down: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
        tall, wide = max(down.shape[0] - 1, 1), max(len(right) - 1, 1)
        v, u = down / tall + 0.5, right / wide + 0.5
        x, y = params[:, :4, None, None].unbind(1), params[:, 4:, None, None].unbind(1)
        # The corners are (x0, y0), (1 + x1, y1), (1 + x2, 1 + y2), (x3, 1 + y3): everything below is 0 where no corner moved.
        sum_x, sum_y = x[0] - x[1] + x[2] - x[3], y[0] - y[1] + y[2] - y[3]
        x12, x32, y12, y32 = x[1] - x[2], x[3] - x[2] - 1, y[1] - y[2] - 1, y[3] - y[2]
        size = x12 * y32 - x32 * y12
        g, h = (sum_x * y32 - x32 * sum_y) / size, (x12 * sum_y - sum_x * y12) / size
        bend = g * u + h * v
        over = (x[1] - x[0] + g * (1 + x[1])) * u + (x[3] - x[0] + h * x[3]) * v + x[0]
        under = (y[1] - y[0] + g * y[1]) * u + (y[3] - y[0] + h * (1 + y[3])) * v + y[0]
        return down + tall * (under - v * bend) / (1 + bend), right + wide * (over - u * bend) / (1 + bend)
