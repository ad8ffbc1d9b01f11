"""Alpha-CROWN: CROWN with optimised relaxations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof._errors import must
from shiftproof.certificates.bounds.bound_certificate import BoundCertificate
from shiftproof.certificates.bounds.layers import Box
from shiftproof.certificates.bounds.network import Network
from shiftproof.certificates.bounds.propagate import intervals
from shiftproof.certificates.bounds.region import Region
from shiftproof.certificates.bounds.slope_optimisation import SlopeAscent
from shiftproof.certificates.crown import crown_margins


@dataclass(frozen=True)
class AlphaCrown(BoundCertificate):
    """As `crown`, with the lower lines choice * x, choice in [0, 1], climbed to the best bound, for every class and unit apart.

    Args:
        radius: "asked" proves at the shift's strength or not; "largest" finds by bisection how far the proof reaches.
        steps: gradient steps (Adam), at least 1.
        step_size: of the choices in the first step, in (0, inf); each step is 0.98 of the one before.
        refine: also optimise the intervals of every layer, each on those of the layers before; without it only the last pass, which is as
            many
            times cheaper as there are units whose sign is open for each class, and looser.

    Guarantees:
        As `crown`, and never looser; every step of the optimisation is sound.
    Cost: for each step three times that of the passes of `crown`, of the last alone without `refine`.

    Reference: Xu et al. 2021 [xu2021fast], "Fast and complete: enabling complete neural network verification with rapid and massively
    parallel incomplete verifiers".
    """

    name: ClassVar[str] = "alpha_crown"
    aliases: ClassVar[tuple[str, ...]] = ("optimised_crown",)
    references: ClassVar[tuple[str, ...]] = ("xu2021fast",)

    steps: int = 20
    step_size: float = 0.5
    refine: bool = True

    def check(self) -> None:
        super().check()
        if self.steps < 1:
            raise must("steps", self.name, "be at least 1", self.steps)
        if not self.step_size > 0:
            raise must("step_size", self.name, "be in (0, inf)", self.step_size)

    def least_margins(self, network: Network, region: Region, c: Tensor) -> Tensor:
        least, boxes = crown_margins(network, region, c)
        with torch.no_grad():
            open_ = (~(least > 0).all(1)).nonzero()[:, 0]
            if len(open_):  # what is proven needs no more
                part = [box.at(open_) for box in boxes]
                least[open_] = torch.maximum(least[open_], self._climbed(network, region[open_], part, c[open_]))
        return least

    def _climbed(self, network: Network, region: Region, boxes: list[Box], c: Tensor) -> Tensor:
        if self.refine:
            ascent = SlopeAscent(self.steps, self.step_size)
            known = {k: boxes[k] for k in network.curved}

            def bounder(network: Network, region: Region, boxes: list[Box], c: Tensor, at: int) -> Tensor:
                return ascent(network, region, boxes, c, at=at).least

            boxes = intervals(network, region, bounder=bounder, known=known)
        return SlopeAscent(self.steps, self.step_size, enough=0.0)(network, region, boxes, c).least
