"""A self-supervised head that predicts the rotation of an image in quarter turns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from shiftproof._errors import UsageError, must
from shiftproof.data.examples import Examples
from shiftproof.data.space import InputSpace
from shiftproof.shifts.abstract import Shift
from shiftproof.shifts.identity import Identity
from shiftproof.training.inner_search import worst
from shiftproof.training.methods.abstract import Batch, Step
from shiftproof.training.pieces.last_layer import last_linear, scores_and_features
from shiftproof.training.pieces.moved_inputs import MovedInputs


@dataclass(frozen=True)
class RotationHead(MovedInputs):
    """Adversarial training with a second task: min_f E cross_entropy(f(x_0), y) + weight / 4 sum_r cross_entropy(g(x_r), r).

    x_r is the image turned by r quarter turns, each view moved by itself to where the sum of its own terms is worst.

    Args:
        shift: the spec of the moves defended against; identity for the second task without moves.
        search: the spec of the search.
        ramp: the share of training over which the shift's strength grows from 0 to its own; 0 for none.
        weight: of the second loss, at least 0; 0.5 is the paper's.

    g is a linear head on what the network's last Linear layer sees; it is trained along, and left behind.

    Guarantees:
        Moves stay in the shift. Images must be square, and classes must not be turns of one another for it to help.
    Cost: 4 (steps + 1) forwards and backwards per example.

    Reference: Hendrycks et al. 2019, "Using self-supervised learning can improve model robustness and uncertainty".
    """

    name: ClassVar[str] = "rotation_head"
    references: ClassVar[tuple[str, ...]] = ("hendrycks2019using",)

    weight: float = 0.5

    def check(self) -> None:
        if self._turns_only:
            if self.ramp:
                raise must("ramp", self.name, "be 0 where the shift is identity", self.ramp)
        else:
            super().check()
        if not 0 <= self.weight < math.inf:
            raise must("weight", self.name, "be in [0, inf)", self.weight)

    @property
    def _turns_only(self) -> bool:
        return isinstance(self._shift(), Identity)

    def threat(self, space: InputSpace) -> Shift | None:
        return None if self._turns_only else super().threat(space)

    def grown(self, batch: Batch) -> Shift | None:
        return None if self._turns_only else super().grown(batch)

    def init(self, net: nn.Module, examples: Examples) -> nn.Module:
        if examples.space.kind != "image":
            raise UsageError(f"{self.name} needs images, got inputs of kind '{examples.space.kind}'.")
        return nn.Linear(last_linear(net, owner=self.name).in_features, 4)

    def move(self, net: nn.Module, batch: Batch, memory: nn.Module) -> Tensor:
        return self._moved(net, batch, 0, memory)

    def _moved(self, net: nn.Module, batch: Batch, turn: int, memory: nn.Module) -> Tensor:
        """One view, moved to where its part of the loss is worst."""
        if batch.x.shape[-1] != batch.x.shape[-2]:
            raise UsageError(f"{self.name} needs square images, got {batch.x.shape[-2]} x {batch.x.shape[-1]} pixels.")
        view, shift = torch.rot90(batch.x, turn, (-2, -1)), self.grown(batch)
        if shift is None:
            return view
        rng = batch.rng.child("move").child(turn) if turn else batch.rng.child("move")

        def part(both: Tensor) -> Tensor:
            rotation = self.weight / 4 * _rotation_loss(both[:, -4:], turn)
            return rotation if turn else rotation + F.cross_entropy(both[:, :-4], batch.y, reduction="none")

        return worst(_Both(net, memory), shift, self._search(), x=view, y=batch.y, rng=rng, objective=part)

    def judge(self, net: nn.Module, batch: Batch, x: Tensor, memory: nn.Module) -> Step:
        views = torch.cat([x, *(self._moved(net, batch, turn, memory) for turn in (1, 2, 3))])
        parts = _Both(net, memory)(views).split(len(x))
        scores = parts[0][:, :-4]
        rotation = torch.stack([_rotation_loss(both[:, -4:], turn) for turn, both in enumerate(parts)]).mean(0)
        losses = F.cross_entropy(scores, batch.y, reduction="none") + self.weight * rotation
        return Step(x, batch.y, losses, torch.ones_like(losses), scores)


class _Both(nn.Module):
    """The classes' scores and after them the turns', of one pass."""

    def __init__(self, net: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.net, self.head = net, head

    def forward(self, x: Tensor) -> Tensor:
        scores, features = scores_and_features(self.net, x, owner=RotationHead.name)
        return torch.cat([scores, self.head(features)], dim=1)


def _rotation_loss(scores: Tensor, turn: int) -> Tensor:
    """The cross-entropy of the turns' scores, shape (n,)."""
    return F.cross_entropy(scores, torch.full((len(scores),), turn, device=scores.device), reduction="none")
