"""The scene is soft: every place moves a little, its neighbours nearly as much."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof._errors import must
from shiftproof.shifts.abstract import Params
from shiftproof.shifts.geometry.spatial import PUBLISHED, Warp


@dataclass(frozen=True)
class Elastic(Warp):
    """A smooth field of moves, a cubic spline over nodes x nodes places, each of which moves by up to `pixels`; bilinear, black outside.

    Args:
        pixels: the most that a place moves along each axis, in (0, inf), in pixels.
        nodes: places of the spline along each side, at least 4. More of them bend the picture more finely.

    Params, shape (n, 2 * nodes * nodes), in pixels: how far each place moves to the right, row by row, then how far down.

    Guarantees:
        Zeros leave every bit as it was, equal numbers are a translation, and no pixel moves by more than `pixels` along an axis (a spline
        lies between the least and greatest of its numbers). Differentiable. A chance draw moves far less than the bound, since neighbours
        pull in unlike directions: the worst case is what it is for. `elastic_transform` is the published corruption.

    Example:
        >>> import torch
        >>> x, shift = torch.rand(1, 3, 32, 32), Elastic(2)
        >>> bool((shift.apply(x, shift.origin(x)) == x).all())
        True

    Reference: Rueckert et al. 1999, "Nonrigid registration using free-form deformations" (the field); Xiao et al. 2018, "Spatially
    transformed adversarial examples" (such fields as an attack).
    """

    name: ClassVar[str] = "elastic"
    strength: ClassVar[str] = "pixels"
    references: ClassVar[tuple[str, ...]] = ("xiao2018spatially", "rueckert1999nonrigid")

    pixels: float
    nodes: int = 5

    def check(self) -> None:
        super().check()
        if not 0 < self.pixels < math.inf:
            raise must("pixels", self.name, "be in (0, inf)", self.pixels, PUBLISHED)
        if self.nodes < 4:
            raise must("nodes", self.name, "be at least 4", self.nodes, "A cubic spline has no fewer.")

    def limits(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        count = 2 * self.nodes * self.nodes
        return (-self.pixels,) * count, (self.pixels,) * count

    def sources(self, params: Params, down: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
        field = params.reshape(-1, 2, self.nodes, self.nodes)
        moved = self._basis(down[:, 0]).mT @ field @ self._basis(right)
        return down - moved[:, 1], right - moved[:, 0]

    def _basis(self, place: Tensor) -> Tensor:
        """How much each of the nodes counts at each of `place`, shape (w,), pixels from the centre; shape (nodes, w), columns sum to 1."""
        along = (self.nodes - 1) / 2 + place * ((self.nodes - 3) / max(len(place) - 1, 1))
        away = (along - torch.arange(self.nodes, dtype=place.dtype, device=place.device)[:, None]).abs()
        near, far = 2 / 3 - away**2 + away**3 / 2, (2 - away).clamp_min(0) ** 3 / 6
        return torch.where(away < 1, near, far)
