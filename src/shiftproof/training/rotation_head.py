"""A self-supervised head: beside its class, the network tells by how many quarter turns an image is rotated."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from shiftproof._errors import UsageError, must
from shiftproof.data.examples import Examples
from shiftproof.training.abstract import Batch, Step
from shiftproof.training.moving import Moving


@dataclass(frozen=True)
class RotationHead(Moving):
    """Adversarial training with a second task: min_f E cross_entropy(f(x'), y) + weight / 4 sum_r cross_entropy(g(turn_r(x')), r).

    x' is the worst move, and r counts four quarter turns.

    Args:
        shift: the spec of the moves defended against.
        search: the spec of the search.
        ramp: the share of training over which the shift's strength grows from 0 to its own; 0 for none.
        weight: of the second loss, at least 0; 0.5 is the paper's.

    g is a linear head on what the network's last Linear layer sees; it is trained along, and left behind. The search attacks the classes
    alone, where the paper's attacks both losses.

    Guarantees:
        Moves stay in the shift. Images must be square, and classes must not be turns of one another for it to help.
    Cost: steps + 5 forwards and backwards an example.

    Reference: Hendrycks et al. 2019, "Using self-supervised learning can improve model robustness and uncertainty".
    """

    name: ClassVar[str] = "rotation_head"
    references: ClassVar[tuple[str, ...]] = ("hendrycks2019using",)

    weight: float = 0.5

    def check(self) -> None:
        super().check()
        if not 0 <= self.weight < math.inf:
            raise must("weight", self.name, "be in [0, inf)", self.weight)

    def init(self, net: nn.Module, examples: Examples) -> nn.Module:
        if examples.space.kind != "image":
            raise UsageError(f"{self.name} turns images, and these inputs are of kind '{examples.space.kind}'.")
        return nn.Linear(_last(net).in_features, 4)

    def judge(self, net: nn.Module, batch: Batch, x: Tensor, memory: nn.Module) -> Step:
        if x.shape[-1] != x.shape[-2]:
            raise UsageError(f"{self.name} needs square images, got {x.shape[-2]} x {x.shape[-1]} pixels.")
        seen: list[Tensor] = []
        scores = net(x)
        with _last(net).register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0])):
            net(torch.cat([torch.rot90(x, turn, (-2, -1)) for turn in range(4)]))
        turns = torch.arange(4, device=x.device).repeat_interleave(len(x))
        told = F.cross_entropy(memory(seen[0]), turns, reduction="none").reshape(4, len(x)).mean(0)
        losses = F.cross_entropy(scores, batch.y, reduction="none") + self.weight * told
        return Step(x, batch.y, losses, torch.ones_like(losses), scores)


def _last(net: nn.Module) -> nn.Linear:
    layers = [layer for layer in net.modules() if isinstance(layer, nn.Linear)]
    if not layers:
        raise UsageError("rotation_head needs a network with a Linear layer: its second head sees what the last one sees.")
    return layers[-1]
