"""Risk-weighted training: another method's losses under the worst weights that a risk allows."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol, runtime_checkable

import numpy.typing as npt
import torch
from torch import Tensor, nn

from shiftproof._errors import UsageError, must
from shiftproof.data.examples import Examples
from shiftproof.risks.grouped import GroupedRisk
from shiftproof.risks.kl import KLPenalised
from shiftproof.risks.worst_weights import Reweighted
from shiftproof.training.methods.abstract import Batch, Step
from shiftproof.training.pieces.grouping import group, wanted
from shiftproof.training.pieces.risk_losses import risk_loss
from shiftproof.training.pieces.wrapped_method import WrappedMethod, groups_of, kept


@runtime_checkable
class Weighs(Protocol):
    """A risk that gives each example a weight."""

    def reweigh(self, values: npt.ArrayLike, base: npt.ArrayLike | None = None) -> Reweighted:
        """The worst value and the weights that attain it."""
        ...


@dataclass(frozen=True)
class ReweightedTraining(WrappedMethod):
    """min_f sup over weights w in the risk's ball of E w loss(f(x), y): a risk of the losses in place of their mean.

    Args:
        risk: the spec of a risk of single examples, such as cvar(alpha=0.3), which trains on the worst third, chi_square(radius=1), kl or
            extremile; or of groups, such as worst_group or group_mixture(floor=0.1).
        groups: for risks of groups, the column of groups, or several crossed: place, 'label & place'; `label` is the class.
        remember: for kl_penalised: the share of the remembered mean of exp(loss / penalty) that a batch leaves, in [0, 1). 0 forgets:
            weights are those of the batch's own risk.
        method: the spec of the method whose losses are weighed: plain, or adversarial(shift=linf(eps=0.1)), whose losses are those of
            moved inputs.

    Guarantees:
        The loss is exactly that risk of the batch, and its gradient the risk's (Danskin). A batch's risk is biased low for that of the
        whole sample, the more the smaller the batch (`training.losses`); of small groups, group_dro remembers and this does not. With
        `remember` weights are exp(loss / penalty) over a running mean of it, as in the compositional estimate of Sow et al.: the gradient's
        bias goes with the error of that mean. Moves of the method inside count as fixed where the authors differentiate through the attack
        (their implicit gradient): at an inner maximum in the open both are the same (Danskin), at its edge they need not be.
    Cost: the method's, and O(n log n) a step on the CPU.

    Reference: Levy et al. 2020, "Large-scale methods for distributionally robust optimization"; with `remember` and an
    adversarial method Sow et al. 2024, "Doubly robust instance-reweighted adversarial training".
    """

    name: ClassVar[str] = "reweighted"
    references: ClassVar[tuple[str, ...]] = ("levy2020large", "sow2024doubly")

    risk: str
    groups: str = ""
    remember: float = 0.0

    def check(self) -> None:
        super().check()
        if self.groups:
            wanted(self.groups, self.name)
        risk = self._risk()
        if isinstance(risk, GroupedRisk) and not self.groups:
            raise UsageError(f"The risk {risk.name} needs groups. Name their column, as in {self.name}(risk=..., groups=place).")
        if not isinstance(risk, GroupedRisk):
            risk_loss(risk, torch.tensor([0.0, 1.0]))  # says it where a risk is none for losses
        if not 0 <= self.remember < 1:
            raise must("remember", self.name, "be in [0, 1)", self.remember)
        if self.remember and not isinstance(risk, KLPenalised):
            raise must("risk", f"{self.name} with remember", "be kl_penalised(penalty=...)", self.risk, "Others have no such mean.")

    def _risk(self) -> Weighs | GroupedRisk:
        from shiftproof.risks import risks

        found = risks.build(self.risk)
        if not isinstance(found, Weighs | GroupedRisk):
            raise must("risk", self.name, "reweigh examples or groups", self.risk, "cvar(alpha=0.3) is one.")
        return found

    @property
    def grouping(self) -> str:
        return self.groups or super().grouping

    def own(self, net: nn.Module, examples: Examples) -> nn.Module:
        if self.groups:
            group(examples, self.groups, owner=self.name)  # says it where there are none
        return RememberedMean() if self.remember else nn.Module()

    def judge(self, net: nn.Module, batch: Batch, x: Tensor, memory: nn.Module) -> Step:
        step = super().judge(net, batch, x, memory)
        values = (step.weights * step.losses).detach()
        if not bool(values.isfinite().all()):
            return step  # the loop says that it is not a number
        risk, leaf = self._risk(), values.requires_grad_()
        if self.remember:
            return replace(step, weights=(self._tilted(step.losses) - self._mean(step.losses, memory)).exp() * step.weights)
        groups = groups_of(step, batch, owner=self.name) if isinstance(risk, GroupedRisk) else None
        (weights,) = torch.autograd.grad(risk_loss(risk, leaf, groups=groups), leaf)
        return replace(step, weights=weights * len(weights) * step.weights)

    def _tilted(self, values: Tensor) -> Tensor:
        risk = self._risk()
        assert isinstance(risk, KLPenalised)  # `check` has said so
        return values.detach() / risk.penalty

    def _mean(self, values: Tensor, memory: nn.Module) -> Tensor:
        """The logarithm of the remembered mean of exp(loss / penalty) after this batch, a scalar."""
        own = kept(memory).own
        assert isinstance(own, RememberedMean)  # `own` made it
        batch = torch.logsumexp(self._tilted(values), 0) - math.log(len(values))
        if bool(own.log.isnan()):
            return batch
        return torch.logaddexp(own.log.to(batch) + math.log(self.remember), batch + math.log1p(-self.remember))

    def learned(self, step: Step, batch: Batch, memory: nn.Module) -> None:
        super().learned(step, batch, memory)
        own = kept(memory).own
        if isinstance(own, RememberedMean):
            own.log = self._mean(step.losses, memory).detach()

    @classmethod
    def examples_for_check(cls) -> list[ReweightedTraining]:
        """As people use it."""
        moved = "adversarial(shift=linf(eps=0.1))"
        return [cls("cvar(alpha=0.3)"), cls("chi_square(radius=1)", method=moved), cls("worst_group", groups="label & place")]


class RememberedMean(nn.Module):
    """The logarithm of the mean of exp(loss / penalty) over the batches so far; NaN before the first."""

    log: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("log", torch.tensor(math.nan))
