"""A smooth deformation: every point moves a little, its neighbours nearly as much."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof.shifts.abstract import Params
from shiftproof.shifts.geometry.spatial import PUBLISHED, Warp


@dataclass(frozen=True)
class Elastic(Warp):
    """A smooth field of moves: a cubic spline over nodes x nodes points, each of which moves by up to `pixels`; bilinear, black outside.

    Args:
        pixels: the largest move of a point along each axis, in (0, inf), in pixels.
        nodes: points of the spline along each side, at least 4. More points give finer deformations.

    Params, shape (n, 2 * nodes * nodes), in pixels: how far each point moves to the right, row by row, then how far down.

    Guarantees:
        Zeros change no bit, equal numbers are a translation, and no pixel moves by more than `pixels` along an axis (a spline lies between
        the least and greatest of its numbers). Differentiable. A random draw moves pixels far less than the bound, since neighbouring
        points move in different directions: use this shift for worst cases. `elastic_transform` is the published corruption.

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
        self.require("pixels", within="(0, inf)", hint=PUBLISHED)
        self.require("nodes", least=4, hint="A cubic spline has no fewer.")

    def limits(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        count = 2 * self.nodes * self.nodes
        return (-self.pixels,) * count, (self.pixels,) * count

    def sources(self, params: Params, down: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
        field = params.reshape(-1, 2, self.nodes, self.nodes)
        moved = self._basis(down[:, 0]).mT @ field @ self._basis(right)
        return down - moved[:, 1], right - moved[:, 0]

    def _basis(self, place: Tensor) -> Tensor:
        """The weight of each node at each of `place`, shape (w,), pixels from the centre; shape (nodes, w), columns sum to 1."""
        along = (self.nodes - 1) / 2 + place * ((self.nodes - 3) / max(len(place) - 1, 1))
        away = (along - torch.arange(self.nodes, dtype=place.dtype, device=place.device)[:, None]).abs()
        near, far = 2 / 3 - away**2 + away**3 / 2, (2 - away).clamp_min(0) ** 3 / 6
        return torch.where(away < 1, near, far)
