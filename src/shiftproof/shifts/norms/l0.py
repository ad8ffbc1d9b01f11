"""The L0 ball: a few features, or pixels of an image, may take any value."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof._errors import must
from shiftproof._rows import total
from shiftproof.randomness import Rng
from shiftproof.shifts._spaces import check_bounded
from shiftproof.shifts.abstract import Params
from shiftproof.shifts.norms.ball import Ball


@dataclass(frozen=True)
class L0(Ball):
    """Moves of at most `eps` features, each anywhere in the box: {d : #{i : d_i != 0} <= eps, x + d in the box}.

    Args:
        eps: how many features may change, a whole number from 1 on. In an image these are pixels: all channels of a pixel count as one.
        levels: if not 0, moved inputs lie on this many evenly spaced values of the box (256 for 8-bit pixels).

    Guarantees:
        `project` is an exact Euclidean projection on the set: it keeps the features whose removal costs most, and clips them to the box. Of
        equal costs the first is kept. Random draws choose features uniformly, and their new values uniformly in the box. `ascend` moves
        all features in proportion to the gradient, by `step` times the box's width on average as in the paper; the projection that
        follows selects among them. Use a few restarts, as the selection depends on the start.

    Example:
        >>> import torch
        >>> shift = L0(1)
        >>> x, move = torch.tensor([[0.9, 0.5, 0.5]]), torch.tensor([[3.0, 0.4, -0.1]])
        >>> shift.project(x, move)  # the first feature would move most, and has room for 0.1 only
        tensor([[0.1000, 0.0000, 0.0000]])

    Reference: Croce & Hein 2019, "Sparse and imperceivable adversarial attacks".
    """

    name: ClassVar[str] = "l0"
    references: ClassVar[tuple[str, ...]] = ("croce2019sparse",)

    @classmethod
    def examples_for_check(cls) -> list[L0]:
        """A radius of this ball is a whole number."""
        return [cls(2), cls(5)]

    def check(self) -> None:
        super().check()
        if self.eps < 1 or self.eps != int(self.eps):
            raise must("eps", self.name, "be a whole number from 1 on", self.eps, "It counts the features (pixels of an image) that move.")
        check_bounded(self.name, self.space)

    def largest(self) -> float:
        movable = sum(column.kind != "categorical" for column in self.space.columns)
        return movable or math.inf  # without columns the number of features is known from the data only

    def norm(self, move: Tensor) -> Tensor:
        count = (self._by_feature(move.detach()) != 0).any(2).sum(1).to(move.dtype)
        return count.where(move.detach().flatten(1).isfinite().all(1), torch.nan)

    def sample(self, x: Tensor, rng: Rng) -> Params:
        low, high = self.room(x)
        move = low + (high - low) * rng.child("value").uniform(*x.shape[1:]).to(x)
        chance = rng.child("place").uniform(self._by_feature(x).shape[1]).to(x)
        return self._keep(move, chance)

    def project(self, x: Tensor, params: Params) -> Params:
        low, high = self.room(x)
        fits = torch.minimum(torch.maximum(params, low), high)
        # Removing a feature costs its square; keeping it costs what the box cuts off. In double: costs of far moves differ by little.
        move, kept = self._by_feature(params).double(), self._by_feature(fits).double()
        cost = kept * (2 * move - kept)
        return self._keep(fits, cost.sum(2).masked_fill(~(kept != 0).any(2), -1.0))

    def ascend(self, params: Params, gradient: Tensor, step: float) -> Params:
        usual = (total(gradient.flatten(1).abs()) / gradient[0].numel()).clamp_min(torch.finfo(gradient.dtype).tiny)
        return params + step * self.space.width * gradient / usual.reshape(-1, *[1] * (gradient.dim() - 1))

    def _by_feature(self, move: Tensor) -> Tensor:
        """A view of shape (n, features, numbers per feature): a pixel has one number per channel."""
        if self.space.kind == "image" and move.dim() == 4:
            return move.flatten(2).transpose(1, 2)
        return move.flatten(1)[:, :, None]

    def _keep(self, move: Tensor, rating: Tensor) -> Tensor:
        """The moves of the `eps` features of highest rating, shape (n, features), and zero elsewhere."""
        rank = rating.sort(dim=1, descending=True, stable=True).indices.argsort(dim=1)
        kept = (rank < self.eps)[:, :, None].expand(self._by_feature(move).shape)
        shape = kept.transpose(1, 2) if self.space.kind == "image" and move.dim() == 4 else kept
        return move.masked_fill(~shape.reshape(move.shape), 0.0)
