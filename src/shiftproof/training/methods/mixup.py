"""Mixup: pairs of examples and of their labels, mixed in the same shares."""

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
class Mixup(Method):
    """Mixed pairs: min_f E cross_entropy(f(s x + (1 - s) x~), s y + (1 - s) y~).

    s is from Beta(alpha, alpha); one s and one shuffle a batch.

    Args:
        alpha: of the Beta distribution, in (0, inf); 1 mixes evenly, towards 0 hardly at all.

    Guarantees:
        Mixed inputs lie in the box, which is convex. Categorical columns of tables are not: leave it to numbers and images.
    Cost: 1 forward and 1 backward per example.

    Reference: Zhang et al. 2018, "mixup: beyond empirical risk minimization".
    """

    name: ClassVar[str] = "mixup"
    references: ClassVar[tuple[str, ...]] = ("zhang2018mixup",)

    alpha: float = 0.2

    def check(self) -> None:
        if not 0 < self.alpha < math.inf:
            raise must("alpha", self.name, "be in (0, inf)", self.alpha)

    def partners(self, batch: Batch) -> tuple[Tensor, float]:
        """Each example's partner, shape (n,), and the batch's share."""
        from scipy.special import betaincinv

        rng = batch.rng.child("mixup")
        order = rng.uniform(1)[:, 0].argsort(stable=True).to(batch.y.device)
        return order, float(betaincinv(self.alpha, self.alpha, float(rng[[0]].child("share").uniform(1))))

    def move(self, net: nn.Module, batch: Batch, memory: nn.Module) -> Tensor:
        order, share = self.partners(batch)
        return share * batch.x + (1 - share) * batch.x[order]

    def judge(self, net: nn.Module, batch: Batch, x: Tensor, memory: nn.Module) -> Step:
        scores = net(x)
        order, share = self.partners(batch)
        hot = F.one_hot(batch.y, scores.shape[1]).to(scores.dtype)
        targets = share * hot + (1 - share) * hot[order]
        losses = F.cross_entropy(scores, targets, reduction="none")
        return Step(x, targets, losses, torch.ones_like(losses), scores)
