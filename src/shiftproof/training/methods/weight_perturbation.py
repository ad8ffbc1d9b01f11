"""Adversarial weight perturbation: another method's loss at the worst weights nearby."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from shiftproof._errors import must
from shiftproof.training.methods.abstract import Batch, Step
from shiftproof.training.pieces.wrapped_method import WrappedMethod, kept


@dataclass(frozen=True)
class WeightPerturbation(WrappedMethod):
    """Another method's loss L at the worst weights near by: min_w max_{|v_l| <= gamma |w_l|} L(w + v).

    v is one step, layer by layer: v_l = gamma |w_l| g_l / |g_l|, with g the gradient of L at w.

    Args:
        method: the spec of the method whose loss is L, such as "adversarial(shift=linf(eps=0.3))". Its moves are those at w.
        gamma: the radius as a share of each layer's norm, above 0.
        start: the share of training after which weights are perturbed, in [0, 1).

    Guarantees:
        Only tensors of two dimensions or more are perturbed, as in the authors' code. The network's weights stay unchanged, and its batch
        statistics see the pass that is differentiated alone.
    Cost: that of the method, and its outer passes once more: 1 forward and 1 backward.

    Reference: Wu, Xia & Wang 2020, "Adversarial weight perturbation helps robust generalization".
    """

    name: ClassVar[str] = "weight_perturbation"
    aliases: ClassVar[tuple[str, ...]] = ("awp",)
    references: ClassVar[tuple[str, ...]] = ("wu2020adversarial",)

    method: str = "plain"
    gamma: float = 0.01
    start: float = 0.0

    def check(self) -> None:
        if not 0 < self.gamma < 1:
            raise must("gamma", self.name, "be in (0, 1)", self.gamma)
        if not 0 <= self.start < 1:
            raise must("start", self.name, "be in [0, 1)", self.start)
        if isinstance(self.inner(), WeightPerturbation):
            raise must("method", self.name, "be another method", self.method)

    def judge(self, net: nn.Module, batch: Batch, x: Tensor, memory: nn.Module) -> Step:
        inner, memory = self.inner(), kept(memory).inner
        if batch.progress < self.start:
            return inner.judge(net, batch, x, memory)
        weights = {name: p for name, p in net.named_parameters() if p.dim() > 1 and p.requires_grad}
        aside = {name: buffer.clone() for name, buffer in net.named_buffers()}
        loss = inner.judge(PerturbedNetwork(net, aside), batch, x, memory).loss
        gradients = torch.autograd.grad(loss, list(weights.values()), allow_unused=True)
        moved = {
            name: weight + self.gamma * weight.detach().norm() * gradient / gradient.norm().clamp_min(torch.finfo(gradient.dtype).tiny)
            for (name, weight), gradient in zip(weights.items(), gradients, strict=True)
            if gradient is not None
        }
        return inner.judge(PerturbedNetwork(net, moved), batch, x, memory)

    @classmethod
    def examples_for_check(cls) -> list[WeightPerturbation]:
        """One as people use it."""
        return [cls(method="adversarial(shift=linf(eps=0.1))")]


class PerturbedNetwork(nn.Module):
    """A network with some of its tensors replaced for the time of a call; gradients flow to its own."""

    def __init__(self, net: nn.Module, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.net, self._tensors = net, dict(tensors)

    def forward(self, x: Tensor) -> Tensor:
        """The network's answers with the other tensors."""
        answer: Tensor = torch.func.functional_call(self.net, self._tensors, (x,))
        return answer
