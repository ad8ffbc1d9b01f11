"""Plain training: the mean loss of the inputs as they are, or another risk of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from shiftproof._errors import must
from shiftproof.risks._kernels import Reweighted
from shiftproof.training.abstract import Batch, Method, Step


@dataclass(frozen=True)
class Plain(Method):
    """Empirical risk minimisation, what every defence is compared with: min_f risk of cross_entropy(f(x) / temperature, y).

    Args:
        risk: the spec of a risk that reweighs examples, such as cvar(alpha=0.3); mean for equal weights.
        temperature: scores are divided by it, in (0, inf); 1 but for teachers of `distillation`.

    Guarantees:
        With a risk, the loss is that risk of the batch, which is biased low for that of the whole sample (`training.losses`).
    Cost: 1 forward and 1 backward an example.

    Reference: Vapnik 1991, "Principles of risk minimization for learning theory".
    """

    name: ClassVar[str] = "plain"
    aliases: ClassVar[tuple[str, ...]] = ("erm",)
    references: ClassVar[tuple[str, ...]] = (
        """@inproceedings{vapnik1991principles,
  title = {Principles of Risk Minimization for Learning Theory},
  author = {Vapnik, Vladimir},
  booktitle = {Advances in Neural Information Processing Systems},
  year = {1991}
}""",
    )

    risk: str = "mean"
    temperature: float = 1.0

    def check(self) -> None:
        if not 0 < self.temperature < math.inf:
            raise must("temperature", self.name, "be in (0, inf)", self.temperature)
        check_risk(self.risk)

    def judge(self, net: nn.Module, batch: Batch, x: Tensor, memory: nn.Module) -> Step:
        scores = net(x)
        losses = F.cross_entropy(scores / self.temperature, batch.y, reduction="none")
        return Step(x, batch.y, losses, risk_weights(self.risk, losses), scores)


@runtime_checkable
class Weighs(Protocol):
    """A risk that gives weights."""

    def reweigh(self, values: npt.ArrayLike, base: npt.ArrayLike | None = None) -> Reweighted:
        """The worst value and the weights that attain it."""
        ...


def check_risk(spec: str) -> None:
    """Raises `UsageError` where the spec names no risk, or one that gives no weights."""
    from shiftproof.risks import risks

    if spec != "mean" and not isinstance(risks.build(spec), Weighs):
        raise must("risk", "a training method", "be mean or a risk that reweighs single examples, such as cvar(alpha=0.3)", spec)


def risk_weights(spec: str, losses: Tensor) -> Tensor:
    """The weights of a batch's examples at which their mean is the risk, shape (n,), without a gradient."""
    if spec == "mean":
        return torch.ones_like(losses)
    from shiftproof.risks import risks

    risk = risks.build(spec)
    assert isinstance(risk, Weighs)  # `check_risk` has said so
    found = risk.reweigh(losses.detach().double().cpu().numpy())
    return torch.as_tensor(found.weights * len(losses)).to(losses)
