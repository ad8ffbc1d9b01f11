"""LISA: mixes pairs that share the label but not the group, or the group but not the label."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from shiftproof._errors import UsageError, must
from shiftproof.data.examples import Examples
from shiftproof.training.methods.abstract import Batch, Method, Step
from shiftproof.training.pieces.grouping import group, wanted
from shiftproof.training.pieces.lisa_mixing import Mixed, lisa_mix


@dataclass(frozen=True)
class Lisa(Method):
    """Selective mixup: min_f E cross_entropy(f(s x + (1 - s) x~), s y + (1 - s) y~), the partner chosen by label and group.

    Args:
        groups: the column of domains or of the attribute that misleads, or several crossed; not the label.
        same_label: the chance that a batch mixes across groups within labels, in [0, 1]; else it mixes across labels within groups.
        shape: s is from Beta(shape, shape), in (0, inf); 2 is the paper's.

    Guarantees:
        Mixed inputs lie in the box, which is convex. An example without such a partner in its batch stays as it is. `shiftproof.train`
        keeps the epoch whose worst group is best.
    Cost: 1 forward and 1 backward per example.

    Reference: Yao et al. 2022, "Improving out-of-distribution robustness via selective augmentation".
    """

    name: ClassVar[str] = "lisa"
    references: ClassVar[tuple[str, ...]] = ("yao2022improving",)

    groups: str
    same_label: float = 0.5
    shape: float = 2.0

    def check(self) -> None:
        wanted(self.groups, self.name)
        if not 0 <= self.same_label <= 1:
            raise must("same_label", self.name, "be in [0, 1]", self.same_label)
        if not 0 < self.shape < math.inf:
            raise must("shape", self.name, "be in (0, inf)", self.shape)

    @property
    def grouping(self) -> str:
        return self.groups

    def init(self, net: nn.Module, examples: Examples) -> nn.Module:
        group(examples, self.groups, owner=self.name)
        return ClassCount(int(examples.y.max()) + 1)

    def mixed(self, batch: Batch, memory: nn.Module) -> Mixed:
        """The batch, mixed by the chance that is its own."""
        assert isinstance(memory, ClassCount)
        if batch.groups is None:
            raise UsageError(f"{self.name} needs the group of each example. Pass `groups`, shape (n,), in the batch.")
        seed = int(batch.rng.child("lisa").keys[0] >> np.uint64(1))
        share = {"same_label": self.same_label, "shape": self.shape}
        return lisa_mix(batch.x, batch.y, domains=batch.groups, classes=memory.classes, seed=seed, **share)

    def move(self, net: nn.Module, batch: Batch, memory: nn.Module) -> Tensor:
        return self.mixed(batch, memory).x

    def judge(self, net: nn.Module, batch: Batch, x: Tensor, memory: nn.Module) -> Step:
        targets = self.mixed(batch, memory).y
        scores = net(x)
        targets = F.pad(targets, (0, scores.shape[1] - targets.shape[1]))  # a network may have more classes than the data
        losses = F.cross_entropy(scores, targets, reduction="none")
        return Step(x, targets, losses, torch.ones_like(losses), scores)

    @classmethod
    def examples_for_check(cls) -> list[Lisa]:
        """As people use it."""
        return [cls(groups="place")]


class ClassCount(nn.Module):
    """How many classes there are."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes
