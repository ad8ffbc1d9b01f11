"""Risk-weighted training: another method's losses under the worst weights that a risk allows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Protocol, runtime_checkable

import numpy.typing as npt
import torch
from torch import Tensor, nn

from shiftproof._errors import UsageError, must
from shiftproof.data.examples import Examples
from shiftproof.risks.grouped import GroupedRisk
from shiftproof.risks.worst_weights import Reweighted
from shiftproof.training.methods.abstract import Batch, Step
from shiftproof.training.pieces.grouping import group, wanted
from shiftproof.training.pieces.risk_losses import risk_loss
from shiftproof.training.pieces.wrapped_method import WrappedMethod, groups_of


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
        method: the spec of the method whose losses are weighed: plain, or adversarial(shift=linf(eps=0.1)), whose losses are those of
            moved inputs.

    Guarantees:
        The loss is exactly that risk of the batch, and its gradient the risk's (Danskin). A batch's risk is biased low for that of the
        whole sample, the more the smaller the batch (`training.losses`); of small groups, group_dro remembers and this does not.
    Cost: the method's, and O(n log n) a step on the CPU.

    Reference: Levy et al. 2020, "Large-scale methods for distributionally robust optimization".
    """

    name: ClassVar[str] = "reweighted"
    references: ClassVar[tuple[str, ...]] = ("levy2020large",)

    risk: str
    groups: str = ""

    def check(self) -> None:
        super().check()
        if self.groups:
            wanted(self.groups, self.name)
        risk = self._risk()
        if isinstance(risk, GroupedRisk) and not self.groups:
            raise UsageError(f"The risk {risk.name} needs groups. Name their column, as in {self.name}(risk=..., groups=place).")
        if not isinstance(risk, GroupedRisk):
            risk_loss(risk, torch.tensor([0.0, 1.0]))  # says it where a risk is none for losses

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
        return nn.Module()

    def judge(self, net: nn.Module, batch: Batch, x: Tensor, memory: nn.Module) -> Step:
        step = super().judge(net, batch, x, memory)
        values = (step.weights * step.losses).detach()
        if not bool(values.isfinite().all()):
            return step  # the loop says that it is not a number
        risk, leaf = self._risk(), values.requires_grad_()
        groups = groups_of(step, batch, owner=self.name) if isinstance(risk, GroupedRisk) else None
        (weights,) = torch.autograd.grad(risk_loss(risk, leaf, groups=groups), leaf)
        return replace(step, weights=weights * len(weights) * step.weights)

    @classmethod
    def examples_for_check(cls) -> list[ReweightedTraining]:
        """As people use it."""
        moved = "adversarial(shift=linf(eps=0.1))"
        return [cls("cvar(alpha=0.3)"), cls("chi_square(radius=1)", method=moved), cls("worst_group", groups="label & place")]
