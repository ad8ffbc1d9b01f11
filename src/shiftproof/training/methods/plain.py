"""Plain training: the mean loss on clean inputs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from shiftproof._errors import must
from shiftproof.training.methods.abstract import Batch, Method, Step


@dataclass(frozen=True)
class Plain(Method):
    """Empirical risk minimisation, what every defence is compared with: min_f E cross_entropy(f(x) / temperature, y).

    Args:
        temperature: scores are divided by it, in (0, inf); 1 but for teachers of `distillation`.

    Cost: 1 forward and 1 backward per example.

    Reference: Vapnik 1991, "Principles of risk minimization for learning theory".
    """

    name: ClassVar[str] = "plain"
    aliases: ClassVar[tuple[str, ...]] = ("erm",)
    references: ClassVar[tuple[str, ...]] = ("vapnik1991principles",)

    temperature: float = 1.0

    def check(self) -> None:
        if not 0 < self.temperature < math.inf:
            raise must("temperature", self.name, "be in (0, inf)", self.temperature)

    def judge(self, net: nn.Module, batch: Batch, x: Tensor, memory: nn.Module) -> Step:
        scores = net(x)
        losses = F.cross_entropy(scores / self.temperature, batch.y, reduction="none")
        return Step(x, batch.y, losses, torch.ones_like(losses), scores)
