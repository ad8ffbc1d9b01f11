"""Certified training: the loss at bounds that no move can pass, by interval arithmetic and, at first, by CROWN's backward pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from shiftproof._errors import UsageError, must
from shiftproof.shifts.norms.linf import Linf
from shiftproof.training.methods.abstract import Batch, Step
from shiftproof.training.pieces.moved_inputs import MovedInputs

LayerBounds = tuple[Tensor, Tensor]
"""Least and greatest values at a layer."""


@dataclass(frozen=True)
class IntervalTraining(MovedInputs):
    """Training on proven bounds: min_f E k cross_entropy(f(x), y) + (1 - k) cross_entropy(u, y).

    u bounds the scores' differences on the whole ball: u_j >= f_j - f_y, and u_y = 0.

    k falls from 1 to `kappa` while eps grows over the share `ramp` of training. u is (1 - b) of the interval bounds and b of CROWN-IBP's,
    with b falling from 1 to 0 over the same share, as published; `crown=False` is plain interval training.

    Args:
        shift: the spec of an linf ball.
        search: of nothing here: bounds take its place.
        ramp: the share of training over which eps grows; in (0, 1].
        kappa: the last weight of the loss as things are, in [0, 1].
        crown: whether CROWN's bounds lead in.

    Guarantees:
        u bounds every move but for rounding, so the second loss is at least that of any attack. The network must be a `Sequential` of
        Linear, Conv2d, ReLU, Flatten, Identity and Dropout that ends in a Linear layer; bounds are of the network without dropout.
    Cost: 1 forward and backward, 2 more for intervals, and (classes - 1) backwards where b > 0.

    Reference: Gowal et al. 2018, "On the effectiveness of interval bound propagation for training verifiably robust models"; Zhang et al.
    2020, "Towards stable and efficient training of verifiably robust neural networks".
    """

    name: ClassVar[str] = "interval_training"
    aliases: ClassVar[tuple[str, ...]] = ("ibp", "crown_ibp")
    references: ClassVar[tuple[str, ...]] = (
        "gowal2019scalable",
        "zhang2020towards",
        "gowal2018effectiveness",
    )

    ramp: float = 0.5
    kappa: float = 0.5
    crown: bool = True

    def check(self) -> None:
        super().check()
        if type(self._shift()) is not Linf:
            raise UsageError(f"{self.name} supports linf balls only, got {self._shift().name}. Set shift=linf(eps=...).")
        if not 0 <= self.kappa <= 1:
            raise must("kappa", self.name, "be in [0, 1]", self.kappa)
        if not self.ramp:
            raise must("ramp", self.name, "be in (0, 1]", self.ramp, "Bounds on the whole ball are too loose at the start of training.")

    def move(self, net: nn.Module, batch: Batch, memory: nn.Module) -> Tensor:
        return batch.x

    def judge(self, net: nn.Module, batch: Batch, x: Tensor, memory: nn.Module) -> Step:
        scores = net(x)
        losses = F.cross_entropy(scores, batch.y, reduction="none")
        shift, grown = self.grown(batch), min(1.0, batch.progress / self.ramp)
        if shift is not None:
            assert isinstance(shift, Linf)
            low, high = shift.space.bounds(x)
            box = (torch.clamp(x - shift.eps, low, high), torch.clamp(x + shift.eps, low, high))  # type: ignore[arg-type]  # numbers or tensors
            layers = chain(net)
            boxes = interval_boxes(layers, box)
            bounds = interval_margins(layers, boxes, batch.y)
            if self.crown and grown < 1:
                bounds = grown * bounds + (1 - grown) * crown_margins(layers, boxes, batch.y)
            kappa = 1 - grown * (1 - self.kappa)
            losses = kappa * losses + (1 - kappa) * F.cross_entropy(bounds, batch.y, reduction="none")
        return Step(x, batch.y, losses, torch.ones_like(losses), scores)


def chain(net: nn.Module) -> list[nn.Module]:
    """The layers of a network in their order; raises `UsageError` where it is not a chain of layers that can be bounded."""
    found: list[nn.Module] = []
    for layer in net if isinstance(net, nn.Sequential) else [net]:
        if isinstance(layer, nn.Sequential):
            found += chain(layer)
        elif isinstance(layer, nn.Linear | nn.ReLU | nn.Flatten) or (isinstance(layer, nn.Conv2d) and layer.padding_mode == "zeros"):
            found.append(layer)
        elif not isinstance(layer, nn.Identity | nn.Dropout):
            known = "Linear, Conv2d (padded with zeros), ReLU, Flatten, Identity and Dropout"
            raise UsageError(f"interval_training needs a Sequential of {known}, and this network has a {type(layer).__name__}.")
    return found


def interval_boxes(layers: Sequence[nn.Module], box: LayerBounds) -> list[LayerBounds]:
    """The box before each layer, the last included (Gowal et al. 2018): centre and radius through linear layers, ends through others."""
    if not layers or not isinstance(layers[-1], nn.Linear):
        raise UsageError("interval_training needs a network that ends in a Linear layer.")
    boxes = [box]
    for layer in layers[:-1]:
        low, high = boxes[-1]
        if isinstance(layer, nn.Linear | nn.Conv2d):
            centre, radius = layer((low + high) / 2), _linear(layer, layer.weight.abs(), (high - low) / 2)
            boxes.append((centre - radius, centre + radius))
        else:
            boxes.append((layer(low), layer(high)))
    return boxes


def interval_margins(layers: Sequence[nn.Module], boxes: Sequence[LayerBounds], y: Tensor) -> Tensor:
    """Upper bounds of f_j - f_y, shape (n, classes), 0 at the label, from the box before the last layer."""
    weight, bias = _differences(layers[-1], y)
    low, high = boxes[-1]
    centre, radius = (low + high) / 2, (high - low) / 2
    return torch.einsum("nkd,nd->nk", weight, centre) + torch.einsum("nkd,nd->nk", weight.abs(), radius) + bias


def crown_margins(layers: Sequence[nn.Module], boxes: Sequence[LayerBounds], y: Tensor) -> Tensor:
    """The same by one backward pass of lines, with the intervals for the curves' ends (CROWN-IBP)."""
    slope, constant = _differences(layers[-1], y)
    n, classes = constant.shape
    for layer, (low, high) in zip(reversed(layers[:-1]), reversed(boxes[:-1]), strict=True):
        if isinstance(layer, nn.ReLU):
            slope, constant = _through_relu(slope, constant, low[:, None], high[:, None])
        elif isinstance(layer, nn.Flatten):
            slope = slope.reshape(n, classes, *low.shape[1:])
        elif isinstance(layer, nn.Linear):
            constant = constant + (slope @ layer.bias if layer.bias is not None else 0)
            slope = slope @ layer.weight
        else:
            assert isinstance(layer, nn.Conv2d)
            constant = constant + (torch.einsum("nkchw,c->nk", slope, layer.bias) if layer.bias is not None else 0)
            slope = _back_through(layer, slope.flatten(0, 1), low.shape[1:]).reshape(n, classes, *low.shape[1:])
    low, high = boxes[0]
    flat = slope.reshape(n, classes, -1)
    centre, radius = ((low + high) / 2).flatten(1), ((high - low) / 2).flatten(1)
    return torch.einsum("nkd,nd->nk", flat, centre) + torch.einsum("nkd,nd->nk", flat.abs(), radius) + constant


def _through_relu(slope: Tensor, constant: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Lines above and below max(z, 0) on [low, high]; the lower one has slope 1 where high > -low, and 0 elsewhere."""
    above, below = high.clamp_min(0), low.clamp_max(0)
    upper = above / (above - below).clamp_min(torch.finfo(above.dtype).tiny)
    lower = (high > -low).to(slope.dtype)
    positive = slope.clamp_min(0)
    return positive * upper + slope.clamp_max(0) * lower, constant - (positive * upper * below).flatten(2).sum(2)


def _differences(last: nn.Module, y: Tensor) -> tuple[Tensor, Tensor]:
    """Rows and offsets of f_j - f_y in the last layer, shapes (n, classes, d) and (n, classes)."""
    assert isinstance(last, nn.Linear)
    weight = last.weight[None] - last.weight[y][:, None]
    bias = last.bias[None] - last.bias[y][:, None] if last.bias is not None else weight.new_zeros(weight.shape[:2])
    return weight, bias


def _linear(layer: nn.Linear | nn.Conv2d, weight: Tensor, x: Tensor) -> Tensor:
    """The layer with another weight and no offset."""
    if isinstance(layer, nn.Linear):
        return F.linear(x, weight)
    return F.conv2d(x, weight, None, layer.stride, layer.padding, layer.dilation, layer.groups)


def _back_through(layer: nn.Conv2d, slope: Tensor, shape: torch.Size) -> Tensor:
    """Rows (m, ...) after a convolution as rows before it, where inputs have this shape."""
    from torch.nn.grad import conv2d_input

    padding = layer.padding
    if isinstance(padding, str):
        raise UsageError("interval_training needs Conv2d layers whose padding is given as numbers.")
    size = (len(slope), *shape)
    rows: Tensor = conv2d_input(size, layer.weight, slope, layer.stride, padding, layer.dilation, layer.groups)  # type: ignore[no-untyped-call]
    return rows
