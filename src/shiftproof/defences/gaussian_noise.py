"""Gaussian noise added to the input, drawn anew at each call."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from shiftproof._errors import must
from shiftproof.data.space import InputSpace, Kind
from shiftproof.defences.abstract import InputTransformation, RandomDefence
from shiftproof.randomness import Rng


@dataclass(frozen=True)
class GaussianNoise(InputTransformation, RandomDefence):
    """The model is shown x + sigma times normal noise, clipped to the box, drawn anew at each answer.

    Args:
        sigma: standard deviation of the noise, in the units of the inputs.
        draws, seed: as of every random defence.

    Guarantees:
        None for one draw. The decision that most draws give can be proven: `randomized_smoothing`.
    Differentiable: yes, for each draw. Cost: one addition.

    Reference: Liu et al. 2018, "Towards robust neural networks via random self-ensemble" (noise at inference).
    """

    name: ClassVar[str] = "gaussian_noise"
    family: ClassVar[str] = "transformation"
    kinds: ClassVar[frozenset[Kind]] = frozenset({"image", "vector"})
    references: ClassVar[tuple[str, ...]] = ("liu2018towards",)

    sigma: float = 0.1

    def check(self) -> None:
        super().check()
        if not 0 < self.sigma < math.inf:
            raise must(
                "sigma", self.name, "be in (0, inf)", self.sigma, "It is the standard deviation of the noise, in the units of the inputs."
            )

    def step(self, x: Tensor, space: InputSpace, rng: Rng) -> Tensor:
        return space.clip(x + self.sigma * rng.normal(*x.shape[1:]).to(x))
