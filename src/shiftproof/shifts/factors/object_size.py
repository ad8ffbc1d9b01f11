"""The object made larger or smaller on its own background."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from shiftproof.shifts.abstract import Params
from shiftproof.shifts.factors.placement import Placement, Room
from shiftproof.shifts.geometry.spatial import scaled


@dataclass(frozen=True)
class ObjectSize(Placement):
    """The object made larger or smaller by a factor in [1/factor, factor] about the centre of its box, on its own background.

    Args:
        factor: largest factor, in (1, inf); the smallest is 1 / factor.
        mask: how the object is found: "estimated", "alpha", or given in Python by `with_masks`.

    Params are (t,), shape (n, 1), with the factor exp(t). What leaves the image is cut off; what the object uncovers is filled with the
    mean of the nearest background.

    Guarantees:
        t = 0 changes no bit, whatever the mask. Differentiable in t. An estimated mask can be wrong: it finds objects on a plain
        background, such as digits, and treats any region of another colour as an object.

    Example:
        >>> import torch
        >>> x = torch.zeros(1, 1, 9, 9)
        >>> x[..., 4, 4] = 1
        >>> smaller = ObjectSize(3).apply(x, torch.tensor([[-math.log(3)]], dtype=torch.float64))
        >>> float(smaller.sum()), float(ObjectSize(3).apply(x, torch.tensor([[math.log(3)]], dtype=torch.float64))[..., 4, 5]) > 0.6
        (1.0, True)

    Reference: Djolonga et al. 2021, "On robustness and transferability of convolutional neural networks" (SI-Score); Li et al. 2023,
    "ImageNet-E".
    """

    name: ClassVar[str] = "object_size"
    strength: ClassVar[str] = "factor"
    unmoved: ClassVar[float] = 1.0

    factor: float

    def check(self) -> None:
        super().check()
        self.require("factor", within="(1, inf)", hint="2 halves and doubles the object.")

    def limits(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        most = math.log(self.factor)
        return (-most,), (most,)

    def sources(self, params: Params, down: Tensor, right: Tensor, room: Room) -> tuple[Tensor, Tensor]:
        return scaled(params[:, 0], down, right)
