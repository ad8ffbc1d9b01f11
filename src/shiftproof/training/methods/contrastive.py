"""Contrastive learning with a temperature for each image, and a linear layer that reads what was learned."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from shiftproof._errors import UsageError
from shiftproof.data.examples import Examples
from shiftproof.shifts.abstract import Shift
from shiftproof.training.methods.abstract import Batch, Method, Step
from shiftproof.training.pieces.last_layer import last_linear, scores_and_features
from shiftproof.training.pieces.temperatures import InstanceTemperatures

_WIDTH = 64


@cache
def _shift_of(spec: str) -> Shift:
    from shiftproof.shifts import shifts

    return shifts.build(spec)


@dataclass(frozen=True)
class Contrastive(Method):
    """min_f sum over both views of E_i t_i ln E_j exp((s_ij - s_ii) / t_i) + t_i radius, and cross_entropy of a layer that only reads.

    s_ij is the cosine between view one of image i and view two of image j, after a small projection of what the network's last Linear
    layer sees. That layer learns the labels, and its gradient goes no further: everything below it learns from the images alone, and
    accuracy is the usual linear evaluation, along the way. The loss is two-sided: each view is the anchor once.

    Args:
        view: the spec of the shift that both views are draws of.
        individual: whether every image learns a temperature of its own (iSogCLR), or all keep `temperature` (SogCLR).
        radius: of the Kullback-Leibler ball of each image's negatives, in (0, inf).
        temperature: of every image at first.
        average: the share of a batch in the mean over negatives that is remembered for each image, in (0, 1]; 1 has no memory.

    Guarantees:
        Labels reach the last layer only. With average = 1 and one temperature it is the contrastive loss of the batch (SimCLR's, without
        the positive in the denominator).
    Cost: 3 forwards and 3 backwards per example; a few numbers of memory per training example.

    Reference: Qiu et al. 2023, "Not all semantics are created equal: contrastive self-supervised learning with automatic temperature
    individualization"; Yuan et al. 2022.
    """

    name: ClassVar[str] = "contrastive"
    aliases: ClassVar[tuple[str, ...]] = ("isogclr",)
    references: ClassVar[tuple[str, ...]] = ("qiu2023not", "yuan2022provable")

    view: str = "crop(share=0.4)"
    individual: bool = True
    radius: float = 0.3
    temperature: float = 0.5
    average: float = 0.9

    def __post_init__(self) -> None:
        if isinstance(self.view, Shift):
            object.__setattr__(self, "view", self.view.full_spec())
        super().__post_init__()

    def check(self) -> None:
        _shift_of(self.view)
        self._side(1)

    def _side(self, n: int) -> InstanceTemperatures:
        least, most = min(0.05, self.temperature), max(1.0, self.temperature)
        side = InstanceTemperatures(n, radius=self.radius, start=self.temperature, least=least, most=most, average=self.average)
        return side.requires_grad_(self.individual)

    def init(self, net: nn.Module, examples: Examples) -> nn.Module:
        _shift_of(self.view).within(examples.space).check_inputs(examples.x[:1])
        width = last_linear(net, owner=self.name).in_features
        head = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, _WIDTH))
        return ContrastMemory(head, self._side(len(examples)), self._side(len(examples)))

    def move(self, net: nn.Module, batch: Batch, memory: nn.Module) -> Tensor:
        shift = _shift_of(self.view).within(batch.space)
        views = [shift.apply(batch.x, shift.sample(batch.x, batch.rng.child("view", side))) for side in range(2)]
        return torch.cat([batch.x, *views])

    def judge(self, net: nn.Module, batch: Batch, x: Tensor, memory: nn.Module) -> Step:
        if batch.rows is None:
            raise UsageError(f"{self.name} remembers each example. Pass `rows`, their places in the training set, in the batch.")
        assert isinstance(memory, ContrastMemory)  # `init` made it
        clean, views = x[: len(batch.x)], x[len(batch.x) :]
        scores, _ = scores_and_features(net, clean, owner=self.name, detach=True)
        _, features = scores_and_features(net, views, owner=self.name)
        one, two = F.normalize(memory.head(features), dim=1).chunk(2)
        alike = one @ two.T
        contrast = memory.first(alike, batch.rows) + memory.second(alike.T, batch.rows)
        losses = F.cross_entropy(scores, batch.y, reduction="none") + contrast
        return Step(clean, batch.y, losses, torch.ones_like(losses), scores)


class ContrastMemory(nn.Module):
    """The projection, and the temperatures and means of the images as anchors of either view."""

    def __init__(self, head: nn.Module, first: InstanceTemperatures, second: InstanceTemperatures) -> None:
        super().__init__()
        self.head, self.first, self.second = head, first, second
