"""Importance weighting: another method's losses, with the same weight for every group."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from shiftproof._errors import must
from shiftproof.data.examples import Examples
from shiftproof.training.methods.abstract import Batch, Step
from shiftproof.training.pieces.grouping import group, wanted
from shiftproof.training.pieces.importance import importance_weights
from shiftproof.training.pieces.wrapped_method import WrappedMethod, groups_of, kept


@dataclass(frozen=True)
class ImportanceWeighting(WrappedMethod):
    """min_f E w(g) loss, with w(g) the inverse of how often group g is seen, mean 1: every group has the same say.

    Args:
        groups: the column of groups, or several crossed: place, 'label & place'; `label` is the class.
        most: weights above this are cut before they are normalised, in (0, inf); 0 for none.
        method: the spec of the method whose losses are weighed: plain, or adversarial(shift=linf(eps=0.1)).

    Guarantees:
        Without a cut the loss is an unbiased estimate of the mean of the groups' losses. A network that fits every example ignores weights
        in the end (Byrd & Lipton 2019): regularise. `shiftproof.train` keeps the epoch of the best worst group.
    Cost: the method's.

    Reference: Shimodaira 2000, "Improving predictive inference under covariate shift by weighting the log-likelihood function".
    """

    name: ClassVar[str] = "importance_weighting"
    references: ClassVar[tuple[str, ...]] = ("shimodaira2000improving", "byrd2019what")

    groups: str
    most: float = 0.0

    def check(self) -> None:
        super().check()
        wanted(self.groups, self.name)
        if not 0 <= self.most < math.inf:
            raise must("most", self.name, "be in [0, inf)", self.most, "0 cuts none.")

    @property
    def grouping(self) -> str:
        return self.groups

    def own(self, net: nn.Module, examples: Examples) -> nn.Module:
        found = group(examples, self.groups, owner=self.name)
        weights = importance_weights(found.numbers.numpy(), most=self.most or math.inf).weights
        each = torch.zeros(len(found.names))
        each[found.numbers] = torch.from_numpy(weights).float()
        return GroupWeights(each)

    def judge(self, net: nn.Module, batch: Batch, x: Tensor, memory: nn.Module) -> Step:
        step = super().judge(net, batch, x, memory)
        own = kept(memory).own
        assert isinstance(own, GroupWeights)
        return replace(step, weights=own.each[groups_of(step, batch, owner=self.name)] * step.weights)

    @classmethod
    def examples_for_check(cls) -> list[ImportanceWeighting]:
        """As people use it."""
        return [cls(groups="place", most=10)]


class GroupWeights(nn.Module):
    """The weight of an example of each group, shape (groups,)."""

    each: Tensor

    def __init__(self, each: Tensor) -> None:
        super().__init__()
        self.register_buffer("each", each)
