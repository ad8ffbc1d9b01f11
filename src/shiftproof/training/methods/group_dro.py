"""Group DRO: another method's losses, weighted by the worst mix of groups so far."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from shiftproof.data.examples import Examples
from shiftproof.randomness import Rng
from shiftproof.training.methods.abstract import Batch, Step
from shiftproof.training.pieces.group_dro_loss import GroupDROLoss
from shiftproof.training.pieces.grouping import balanced, group, wanted
from shiftproof.training.pieces.wrapped_method import WrappedMethod, groups_of, kept


@dataclass(frozen=True)
class GroupDROTraining(WrappedMethod):
    """min_f max_q sum_g q_g L_g(f), L_g the mean loss of group g: q_g grows by exp(step_size (L_g + adjustment / sqrt(n_g))) a step.

    Args:
        groups: the column of groups, or several crossed: place, 'label & place'; `label` is the class.
        step_size: of q, in (0, inf); 0.01 is the paper's.
        adjustment: C, at least 0: small groups count as if their loss were larger, by C / sqrt(n_g).
        balance: whether every group is shown as often as any other, with replacement, as in the paper; else each example once an epoch.
        method: the spec of the method whose losses are weighed: plain, or adversarial(shift=linf(eps=0.1)).

    Guarantees:
        q lies on the simplex, and a step uses it as the step's own losses raise it. `shiftproof.train` keeps the epoch of the best worst
        group. A network that fits every training example gains nothing: regularise strongly, as the paper found.
    Cost: the method's.

    Reference: Sagawa et al. 2020, "Distributionally robust neural networks for group shifts", Algorithm 1 and section 3.3.
    """

    name: ClassVar[str] = "group_dro"
    references: ClassVar[tuple[str, ...]] = ("sagawa2020distributionally",)

    groups: str
    step_size: float = 0.01
    adjustment: float = 0.0
    balance: bool = True

    def check(self) -> None:
        super().check()
        wanted(self.groups, self.name)
        self._dro([1])

    def _dro(self, sizes: list[int]) -> GroupDROLoss:
        return GroupDROLoss(sizes, step_size=self.step_size, adjustment=self.adjustment)

    @property
    def grouping(self) -> str:
        return self.groups

    def own(self, net: nn.Module, examples: Examples) -> nn.Module:
        found = group(examples, self.groups, owner=self.name)
        return GroupMix(self._dro(found.sizes), found.numbers)

    def order(self, rng: Rng, memory: nn.Module) -> npt.NDArray[np.intp]:
        mix = _mix(memory)
        return balanced(mix.groups.cpu(), rng.uniform(1)[:, 0].numpy()) if self.balance else super().order(rng, memory)

    def judge(self, net: nn.Module, batch: Batch, x: Tensor, memory: nn.Module) -> Step:
        step = super().judge(net, batch, x, memory)
        groups = groups_of(step, batch, owner=self.name)
        q = _mix(memory).raised(step.losses, groups)
        share = torch.bincount(groups, minlength=len(q)).to(q) / len(groups)
        return replace(step, weights=(q / share.clamp_min(1 / len(groups)))[groups] * step.weights)

    def learned(self, step: Step, batch: Batch, memory: nn.Module) -> None:
        mix = _mix(memory)
        mix.dro.q = mix.raised(step.losses, groups_of(step, batch, owner=self.name))
        super().learned(step, batch, memory)

    @classmethod
    def examples_for_check(cls) -> list[GroupDROTraining]:
        """As people use it."""
        return [cls(groups="label"), cls(groups="label & place", balance=False, method="adversarial(shift=linf(eps=0.1))")]


class GroupMix(nn.Module):
    """The mix of groups so far, and the group of every example that is trained on."""

    groups: Tensor

    def __init__(self, dro: GroupDROLoss, groups: Tensor) -> None:
        super().__init__()
        self.dro = dro
        self.register_buffer("groups", groups, persistent=False)

    def raised(self, losses: Tensor, groups: Tensor) -> Tensor:
        """The mix after these losses, which are looked at and not learned."""
        before = self.dro.q
        with torch.no_grad():
            self.dro(losses, groups)
        after, self.dro.q = self.dro.q, before
        return after


def _mix(memory: nn.Module) -> GroupMix:
    own = kept(memory).own
    assert isinstance(own, GroupMix)
    return own
