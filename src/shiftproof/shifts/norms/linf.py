"""The L-infinity ball: every feature may move by up to eps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof.randomness import Rng
from shiftproof.shifts.abstract import Params
from shiftproof.shifts.norms.ball import Ball


@dataclass(frozen=True)
class Linf(Ball):
    """Moves of at most `eps` in every feature: {d : max_i |d_i| <= eps, x + d in the box}.

    Args:
        eps: radius in (0, width of the box], in the units of the inputs.
        levels: if not 0, moved inputs lie on this many evenly spaced values of the box (256 for 8-bit pixels).

    Guarantees:
        `project` is the exact Euclidean projection on the set. Random draws are uniform in each feature, then projected on the box.

    Example:
        >>> import torch
        >>> shift = Linf(0.1)
        >>> x, move = torch.tensor([[0.05, 0.5]]), torch.tensor([[-0.3, 0.3]])
        >>> shift.apply(x, shift.project(x, move))
        tensor([[0.0000, 0.6000]])

    Reference: Goodfellow, Shlens & Szegedy 2015, "Explaining and harnessing adversarial examples".
    """

    name: ClassVar[str] = "linf"
    references: ClassVar[tuple[str, ...]] = ("goodfellow2015explaining",)

    def norm(self, move: Tensor) -> Tensor:
        return move.detach().flatten(1).abs().amax(1)

    def sample(self, x: Tensor, rng: Rng) -> Params:
        return self.project(x, rng.uniform(*x.shape[1:], low=-self.eps, high=self.eps).to(x))

    def project(self, x: Tensor, params: Params) -> Params:
        return torch.clamp(params, *self.move_limits(x))

    def move_limits(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The least and greatest move of each feature inside ball and box."""
        low, high = self.room(x)
        return low.clamp_min_(-self.eps), high.clamp_max_(self.eps)

    def ascend(self, params: Params, gradient: Tensor, step: float) -> Params:
        move = torch.sign(gradient, out=torch.empty_like(params))  # in the memory layout of the params
        return torch.add(params, move, alpha=step * self.eps, out=move)
