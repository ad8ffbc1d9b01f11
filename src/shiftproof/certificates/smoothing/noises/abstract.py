"""The base class of smoothing noise: how it is added, and which radius a vote share certifies."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof._errors import must
from shiftproof._part import Part
from shiftproof.data.space import UNIT_BOX, InputSpace
from shiftproof.randomness import Rng
from shiftproof.shifts.abstract import Shift


@dataclass(frozen=True)
class Noise(Part):
    """A distribution of noisy copies of an input."""

    whole: ClassVar[bool] = False
    """Whether radii are whole numbers: features or edits counted."""

    def fits(self, shift: Shift) -> bool:
        """Whether moves of this shift are covered."""
        del shift
        return False

    def reach(self, shift: Shift, features: int) -> float:
        """The largest size, in the norm of `needed`, of a move of strength 1 under `shift`, for inputs with `features` that move."""
        del shift, features
        return 1.0

    @abstractmethod
    def needed(self, radius: float, features: int) -> float:
        """The p such that a decision given with probability above p under noise is the smoothed one everywhere within `radius`.

        1 or more where no p is enough.
        """

    @abstractmethod
    def add(self, x: Tensor, rng: Rng, space: InputSpace = UNIT_BOX) -> Tensor:
        """One noisy copy of each x of shape (n, ...), from that row's stream."""


@dataclass(frozen=True)
class Additive(Noise):
    """Independent noise of standard deviation `sigma` on every feature, in the units of the shift's strength."""

    sigma: float

    def check(self) -> None:
        if not 0 < self.sigma < math.inf:
            raise must(
                "sigma", self.name, "be in (0, inf)", self.sigma, "It is the noise's standard deviation, in the units of the inputs."
            )

    @abstractmethod
    def unit(self, rng: Rng, shape: tuple[int, ...]) -> Tensor:
        """Noise of standard deviation 1, shape (n, *shape)."""

    def add(self, x: Tensor, rng: Rng, space: InputSpace = UNIT_BOX) -> Tensor:
        noise = self.unit(rng, tuple(x.shape[1:])).to(x.device, x.dtype)
        scale = space.scale(x)
        if isinstance(scale, Tensor):
            noise = noise * scale
        return torch.add(x, noise, alpha=self.sigma)
