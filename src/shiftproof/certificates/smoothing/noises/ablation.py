"""Ablation: all but a few features are hidden. Radii in L0, the number of features that may change."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof._errors import must
from shiftproof.certificates.smoothing.noises.abstract import Noise
from shiftproof.data.space import UNIT_BOX, InputSpace
from shiftproof.randomness import Rng
from shiftproof.shifts.abstract import Shift
from shiftproof.shifts.norms.l0 import L0


@dataclass(frozen=True)
class Ablation(Noise):
    """Only `keep` features, picked evenly, are seen; the others hold the least value of the box (0 where there is no box).

    A decision of probability p holds within r changed features if p > 1/2 + 1 - C(d - r, keep) / C(d, keep): the chance that none of the
    r is among those seen is a hypergeometric one. In an image a feature is a pixel with all its channels.

    Args:
        keep: how many features are seen, a whole number from 1 on. The base model must have been trained on such inputs.

    Guarantees: exact in the chance; what the hidden features hold does not matter to it.

    >>> round(Ablation(45).needed(8, features=784), 4)
    0.8782

    Reference: Levine & Feizi 2020 [levine2020robustness], "Robustness certificates for sparse adversarial attacks by randomized
    ablation", Theorem 1.
    """

    name: ClassVar[str] = "ablation"
    whole: ClassVar[bool] = True

    keep: int

    def check(self) -> None:
        if self.keep < 1:
            raise must("keep", self.name, "be at least 1", self.keep, "It is the number of features that are seen.")

    def fits(self, shift: Shift) -> bool:
        return type(shift) is L0

    def needed(self, radius: float, features: int) -> float:
        if self.keep > features:
            raise must("keep", self.name, f"be at most the {features} features of an input", self.keep)
        unseen = math.prod((features - self.keep - i) / (features - i) for i in range(min(math.ceil(radius), features)))
        return 1.5 - max(unseen, 0.0)

    def add(self, x: Tensor, rng: Rng, space: InputSpace = UNIT_BOX) -> Tensor:
        image = space.kind == "image" and x.dim() == 4
        shape = (1, *x.shape[2:]) if image else tuple(x.shape[1:])
        order = rng.uniform(math.prod(shape)).to(x.device)
        seen = torch.zeros_like(order, dtype=torch.bool).scatter_(1, order.topk(self.keep, dim=1).indices, value=True)
        low = space.bounds(x)[0]
        hidden = low if isinstance(low, Tensor) else x.new_tensor(low if math.isfinite(low) else 0.0)
        return torch.where(seen.reshape(len(x), *shape), x, hidden)
