"""Holistic robust training: adversarial training in the worst mix that a tampered share and a small sample allow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from shiftproof.risks.holistic import Holistic
from shiftproof.training.methods.abstract import Batch, Step
from shiftproof.training.pieces.moved_inputs import MovedInputs
from shiftproof.training.pieces.risk_losses import risk_loss


@dataclass(frozen=True)
class HolisticRobust(MovedInputs):
    """min_f of the holistic risk of cross_entropy(f(x'), y), x' the worst move: evasion, poisoning and a small sample at once.

    Args:
        shift: the spec of the moves defended against (evasion).
        search: the spec of the search.
        ramp: the share of training over which the shift's strength grows from 0 to its own; 0 for none.
        alpha: the share of examples that may have been tampered with, in [0, 1] (poisoning).
        radius: of the ball in Kullback-Leibler distance around what is left, in nats, at least 0 (that a sample is only a sample).

    Guarantees:
        The loss of a step is exactly the risk of the batch, with the largest loss of the batch in the place of the worst one that there
        could be, as in the authors' code; its gradient is the risk's (Danskin). Moves stay in the shift. At alpha = radius = 0 it is
        adversarial training. Of what the paper proves nothing carries over to a batch: its bound holds for the worst loss that there is.
    Cost: steps + 1 forwards and backwards per example, and two hundred passes over the losses of a batch on the CPU.

    Reference: Bennouna, Lucas & Van Parys 2023, "Certified robust neural networks: generalization and corruption resistance".
    """

    name: ClassVar[str] = "holistic_robust"
    references: ClassVar[tuple[str, ...]] = ("bennouna2023certified",)

    alpha: float = 0.05
    radius: float = 0.1

    def check(self) -> None:
        super().check()
        self._risk()

    def _risk(self) -> Holistic:
        return Holistic(self.alpha, self.radius)

    def judge(self, net: nn.Module, batch: Batch, x: Tensor, memory: nn.Module) -> Step:
        step = super().judge(net, batch, x, memory)
        values = step.losses.detach()
        if not bool(values.isfinite().all()):
            return step  # the loop says that it is not a number
        leaf = values.requires_grad_()
        (weights,) = torch.autograd.grad(risk_loss(self._risk(), leaf), leaf)
        return replace(step, weights=weights * len(weights))
