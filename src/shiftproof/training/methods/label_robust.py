"""Label-distributionally robust losses: the worst distribution over labels in place of the one that was written down."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from shiftproof._errors import must
from shiftproof.training.methods.abstract import Batch, Method, Step
from shiftproof.training.pieces.label_losses import label_kl, label_kl_adaptive


@dataclass(frozen=True)
class LabelRobust(Method):
    """min_f E max over label distributions p of sum_k p_k (s_k - s_y + margin [k != y]) - temperature KL(p || uniform): for wrong labels.

    Args:
        temperature: lambda, in (0, inf), in units of the scores. At 1, without margin, pull and even, it is the cross-entropy.
        pull: above 1 every example finds a temperature of its own, the lower the surer the network is (ALDR-KL): the authors' alpha, where
            the price of leaving the temperature is pull ln K / temperature. 0 keeps one temperature for all (LDR-KL).
        margin: of the label's score over each other one, at least 0.
        even: whether scores are first divided by their mean size, as in the authors' code, so that no example's loss grows without bound.

    Guarantees:
        The loss is exact for each example. With `even` the loss of a mislabelled example is bounded.
    Cost: 1 forward and 1 backward per example; with a pull, some hundred evaluations of a loss of K numbers each besides.

    Reference: Zhu et al. 2023, "Label distributionally robust losses for multi-class classification".
    """

    name: ClassVar[str] = "label_robust"
    aliases: ClassVar[tuple[str, ...]] = ("ldr_kl", "aldr_kl")
    references: ClassVar[tuple[str, ...]] = ("zhu2023label",)

    temperature: float = 1.0
    pull: float = 2.0
    margin: float = 0.1
    even: bool = True

    def check(self) -> None:
        self.require("temperature", within="(0, inf)")
        self.require("margin", within="[0, inf)")
        if self.pull and not 1 < self.pull < math.inf:
            raise must("pull", self.name, "be 0 (one temperature for all) or in (1, inf)", self.pull)

    def judge(self, net: nn.Module, batch: Batch, x: Tensor, memory: nn.Module) -> Step:
        scores = net(x)
        losses = self.losses(scores, batch.y)
        return Step(x, batch.y, losses, torch.ones_like(losses), scores)

    def losses(self, scores: Tensor, y: Tensor) -> Tensor:
        """The loss of each example, shape (n,), from scores of shape (n, classes) and labels of shape (n,)."""
        if not self.pull:
            return label_kl(scores, y, temperature=self.temperature, margin=self.margin, even=self.even)
        pull = self.pull * math.log(scores.shape[1]) / self.temperature
        return label_kl_adaptive(scores, y, temperature=self.temperature, pull=pull, margin=self.margin, even=self.even)

    @classmethod
    def examples_for_check(cls) -> list[LabelRobust]:
        """One temperature for all, and one for each."""
        return [cls(pull=0.0), cls()]
