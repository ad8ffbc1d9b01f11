"""Detection by how much squeezing an input changes the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof._errors import must
from shiftproof.data.space import Kind
from shiftproof.defences.bit_depth import rounded
from shiftproof.defences.context import DefenceContext
from shiftproof.defences.detection import Detection
from shiftproof.defences.spatial_smoothing import median


@dataclass(frozen=True)
class SqueezingDistance(Detection):
    """Abstains where squeezing changes the answer: the largest L1 distance between the probabilities of x and of its squeezed copies.

    Copies are x with fewer grey levels, and x under a median filter.

    Args:
        bits: levels of the first copy are 2 ** bits, from 1 to 8.
        window: of the median filter, pixels per side, from 1 (none) to 11. Where the filter alone changes clean answers, as on tiny
            images, the threshold lies so high that nothing is detected: leave it out there.
        rate: share of clean inputs that may raise an alarm, in (0, 1).

    Guarantees:
        False alarms at most at `rate` on inputs like the held-out ones; of detection none: a joint search looks for moves that squeezing
        leaves wrong too.
    Differentiable: the filter is, the rounding is not (straight through). Cost: 3 passes for an answer, 2 without the filter.

    Reference: Xu, Evans & Qi 2018, "Feature squeezing: detecting adversarial examples in deep neural networks".
    """

    name: ClassVar[str] = "squeezing_distance"
    aliases: ClassVar[tuple[str, ...]] = ("feature_squeezing",)
    kinds: ClassVar[frozenset[Kind]] = frozenset({"image"})
    references: ClassVar[tuple[str, ...]] = ("xu2018feature",)

    bits: int = 3
    window: int = 2

    def check(self) -> None:
        super().check()
        if not 1 <= self.bits <= 8:
            raise must("bits", self.name, "be from 1 to 8", self.bits)
        if not 1 <= self.window <= 11:
            raise must("window", self.name, "be from 1 to 11", self.window, "It is pixels per side; 1 leaves the filter out.")

    @property
    def passes(self) -> int:
        return 3 if self.window > 1 else 2

    def suspicion(self, behind: DefenceContext, x: Tensor, scores: Tensor) -> Tensor:
        own = scores.softmax(1)
        coarse = DefenceContext(behind.models, behind.space, {}, through=True).carried(rounded(x.detach(), self.bits, behind.space), x)
        copies = (coarse, median(x, self.window, self.name)) if self.window > 1 else (coarse,)
        return torch.stack([(behind.scores(copy).softmax(1) - own).abs().sum(1) for copy in copies]).amax(0)
