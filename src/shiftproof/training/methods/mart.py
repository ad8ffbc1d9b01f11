"""MART: adversarial training that weighs misclassified examples more."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from shiftproof._errors import must
from shiftproof.training.methods.abstract import Batch, Step
from shiftproof.training.methods.trades import divergence
from shiftproof.training.pieces.moved_inputs import MovedInputs


@dataclass(frozen=True)
class Mart(MovedInputs):
    """Adversarial training that minds what is wrong as it is: min_f E bce(f(x'), y) + beta KL(f(x) || f(x')) (1 - p_y(x)).

    x' is the worst move of the cross-entropy, and bce(f(x'), y) = -log p_y(x') - log(1 - max_{k != y} p_k(x')).

    Args:
        shift: the spec of the moves defended against.
        search: the spec of the search.
        ramp: the share of training over which the shift's strength grows from 0 to its own; 0 for none.
        beta: the price of changed answers, at least 0; 5 is the paper's lambda.

    Guarantees:
        Moves stay in the shift. Logarithms are taken of sums of the other classes, so no constant is added under them.
    Cost: steps + 2 forwards and steps + 2 backwards per example.

    Reference: Wang et al. 2020, "Improving adversarial robustness requires revisiting misclassified examples".
    """

    name: ClassVar[str] = "mart"
    references: ClassVar[tuple[str, ...]] = ("wang2020improving",)

    beta: float = 5.0

    def check(self) -> None:
        super().check()
        if not 0 <= self.beta < math.inf:
            raise must("beta", self.name, "be in [0, inf)", self.beta)

    def judge(self, net: nn.Module, batch: Batch, x: Tensor, memory: nn.Module) -> Step:
        scores, clean = net(x), net(batch.x).log_softmax(1)
        moved, label = scores.log_softmax(1), batch.y[:, None]
        rival = moved.scatter(1, label, -math.inf).argmax(1, keepdim=True)
        others = moved.scatter(1, rival, -math.inf).logsumexp(1)  # log(1 - p of the best other class)
        wrong = 1 - clean.gather(1, label)[:, 0].exp()
        losses = -moved.gather(1, label)[:, 0] - others + self.beta * divergence(clean, scores) * wrong
        return Step(x, batch.y, losses, torch.ones_like(losses), scores)
