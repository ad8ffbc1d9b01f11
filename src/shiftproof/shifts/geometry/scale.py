"""Zoom: the image made larger or smaller about its centre."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from shiftproof.shifts.abstract import Params
from shiftproof.shifts.geometry.spatial import Warp, scaled


@dataclass(frozen=True)
class Scale(Warp):
    """The image made larger or smaller by a factor in [1/factor, factor] about its centre, bilinear; what enters from outside is black.

    Args:
        factor: largest factor, in (1, inf); the smallest is 1 / factor.

    Params are (t,), shape (n, 1), with the factor exp(t): random draws enlarge as often as they shrink, and 0 moves nothing.

    Guarantees:
        t = 0 changes no bit, and factors at which new pixels fall on old ones are exact. Each pixel is read between four pixels only, so an
        image made much smaller is not averaged. Differentiable in t.

    Example:
        >>> import math, torch
        >>> x = torch.tensor([0.0, 1.0, 1.0, 0.0]).expand(1, 1, 4, 4)
        >>> Scale(3).apply(x, torch.tensor([[math.log(3)]], dtype=torch.float64))[0, 0, 0]
        tensor([1., 1., 1., 1.])

    Reference: Engstrom et al. 2019, "Exploring the landscape of spatial robustness" (the same attack with another transformation).
    """

    name: ClassVar[str] = "scale"
    strength: ClassVar[str] = "factor"
    unmoved: ClassVar[float] = 1.0

    factor: float

    def check(self) -> None:
        super().check()
        self.require("factor", within="(1, inf)", hint="1.25 is a quarter larger, or smaller by a fifth.")

    def limits(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        most = math.log(self.factor)
        return (-most,), (most,)

    def sources(self, params: Params, down: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
        return scaled(params[:, 0], down, right)
