"""What a defence is given to answer with: the models, their inputs, and what it was fitted to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from shiftproof.data.space import InputSpace
from shiftproof.models.abstract import Scores
from shiftproof.models.straight_through import straight_through

FittedTensors = Mapping[str, Tensor]
"""What a defence has learned from held-out examples, by name."""


@dataclass(frozen=True)
class DefenceContext:
    """The models that a defence protects, their inputs, and what it was fitted to.

    Args:
        models: the defended model, and those beside it in an ensemble.
        space: the legal inputs.
        fitted: what `fit` returned.
        through: whether a step without a gradient gets a substitute gradient (the adaptive form), or a zero one.
    """

    models: tuple[Scores, ...]
    space: InputSpace
    fitted: FittedTensors
    through: bool

    def scores(self, x: Tensor) -> Tensor:
        """The defended model's scores, shape (n, classes)."""
        return self.models[0].scores(x)

    def carried(self, seen: Tensor, stand_in: Tensor) -> Tensor:
        """The values of `seen`, with the substitute gradient in the adaptive form, else with a zero gradient."""
        if not (torch.is_grad_enabled() and stand_in.requires_grad):
            return seen.detach()
        return straight_through(seen.detach(), stand_in if self.through else stand_in * 0)
