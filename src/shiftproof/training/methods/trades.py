"""TRADES: the clean loss plus a penalty on outputs that a move changes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from shiftproof._errors import must
from shiftproof.training.inner_search import InnerObjective
from shiftproof.training.methods.abstract import Batch, Step
from shiftproof.training.pieces.moved_inputs import MovedInputs, in_evaluation


@dataclass(frozen=True)
class Trades(MovedInputs):
    """A price on changed answers: min_f E cross_entropy(f(x), y) + beta max_{p in shift} KL(f(x) || f(apply(x, p))).

    Args:
        shift: the spec of the moves defended against.
        search: the spec of the search, which maximises that divergence instead of its own loss. It must start at a random draw: at the
            unmoved input the divergence is least and has no gradient.
        ramp: the share of training over which the shift's strength grows from 0 to its own; 0 for none.
        beta: the price, at least 0; 6 is the paper's (1 / lambda).

    Guarantees:
        Moves stay in the shift. The divergence has gradients through both answers, as in the authors' code.
    Cost: steps + 3 forwards and steps + 2 backwards per example.

    Reference: Zhang et al. 2019, "Theoretically principled trade-off between robustness and accuracy".
    """

    name: ClassVar[str] = "trades"
    references: ClassVar[tuple[str, ...]] = ("zhang2019theoretically",)

    beta: float = 6.0

    def check(self) -> None:
        super().check()
        if not 0 <= self.beta < math.inf:
            raise must("beta", self.name, "be in [0, inf)", self.beta)

    def objective(self, net: nn.Module, batch: Batch) -> InnerObjective:
        clean = in_evaluation(net, batch.x).log_softmax(1)
        return lambda scores: divergence(clean, scores)

    def judge(self, net: nn.Module, batch: Batch, x: Tensor, memory: nn.Module) -> Step:
        clean, scores = net(batch.x), net(x)
        losses = F.cross_entropy(clean, batch.y, reduction="none") + self.beta * divergence(clean.log_softmax(1), scores)
        return Step(x, batch.y, losses, torch.ones_like(losses), scores)


def divergence(reference: Tensor, scores: Tensor) -> Tensor:
    """KL(exp(reference) || softmax(scores)), from log-probabilities and scores of shape (n, classes), shape (n,)."""
    return F.kl_div(scores.log_softmax(1), reference, reduction="none", log_target=True).sum(1)
