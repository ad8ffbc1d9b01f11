"""What all corruptions share: a severity, and where they are random a seed per example, both kept apart from applying them."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof._errors import must
from shiftproof.data.space import Kind
from shiftproof.randomness import Rng
from shiftproof.shifts._support import check_bounded, check_movable, in_cache
from shiftproof.shifts.abstract import Boxed, Params

SMALL = 64
"""Images up to this many pixels a side take the published settings for 32-pixel images, larger ones those for 224."""
_SEEDS = 2.0**53

HENDRYCKS = """@inproceedings{hendrycks2019benchmarking,
  title = {Benchmarking Neural Network Robustness to Common Corruptions and Perturbations},
  author = {Hendrycks, Dan and Dietterich, Thomas},
  booktitle = {International Conference on Learning Representations},
  year = {2019}
}"""


@dataclass(frozen=True)
class Corruption(Boxed):
    """A published corruption at a continuous severity.

    Args:
        severity: in (0, 5]; whole numbers are the published settings, between them the published constants are interpolated, and 0 moves
            nothing.

    The average case is a draw at exactly `severity` (the published protocol); the worst case is the worst severity up to it, and, where
    the corruption is random, the worst of the draws tried. Params are (severity,) or (severity, seed), so each finding replays.

    Pixels stay floating: the published files round them down to whole 1/255 and ImageNet-C then stores them as JPEG, which this does not.
    Inputs in another box than [0, 1] are moved as if mapped to [0, 1] and back.
    """

    kinds: ClassVar[frozenset[Kind]] = frozenset({"image"})
    strength: ClassVar[str] = "severity"
    random: ClassVar[bool] = False
    """Whether it draws: adds a seed to the params, which grid and gradient searches leave at one draw."""

    severity: float

    def check(self) -> None:
        if not 0 < self.severity <= 5:
            raise must("severity", self.name, "be in (0, 5]", self.severity, "1 to 5 are the published settings.")
        check_bounded(self.name, self.space)
        check_movable(self.name, self.space)

    def limits(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return ((0.0, 0.0), (self.severity, _SEEDS - 1)) if self.random else ((0.0,), (self.severity,))

    @property
    def varied(self) -> bool:
        return self.random

    def sample(self, x: Tensor, rng: Rng) -> Params:
        severity = torch.full((len(x),), float(self.severity), dtype=torch.float64)
        return torch.stack([severity, rng.seeds()] if self.random else [severity], dim=1).to(x.device)

    def apply(self, x: Tensor, params: Params) -> Tensor:
        return in_cache(self.corrupt, x, params)

    @abstractmethod
    def corrupt(self, x: Tensor, params: Params) -> Tensor:
        """`apply` for a few examples at a time."""

    @abstractmethod
    def constants(self, x: Tensor) -> tuple[float, ...]:
        """The published constant at severity 0 (no move), 1, 2, 3, 4, 5, for images of the size of x."""

    def amount(self, x: Tensor, params: Params) -> Tensor:
        """The constant at each example's severity, shape (n, 1, ..., 1) against x, float64; piecewise linear and differentiable.

        Exactly the published constant at whole severities. At a bend the derivative is that of the segment above, and at 5 the one below.
        """
        table = params.new_tensor(self.constants(x))
        severity = params[:, 0].clamp(0, 5)
        below = severity.detach().floor().clamp(max=4).long()
        value = torch.lerp(table[below], table[below + 1], severity - below)
        return value.reshape(-1, *[1] * (x.dim() - 1))


def is_small(x: Tensor) -> bool:
    """Whether images of shape (n, c, h, w) take the settings published for 32 pixels."""
    return max(x.shape[-2:]) <= SMALL
