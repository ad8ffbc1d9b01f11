"""The exact distance to the boundary of a linear model."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from shiftproof.certificates.abstract import Certificate, Proof
from shiftproof.certificates.bounds.layers import FLUSHED, LARGEST
from shiftproof.certificates.bounds.model_network import network_of
from shiftproof.models.abstract import Labels
from shiftproof.models.torch_module import TorchModule
from shiftproof.randomness import Rng
from shiftproof.shifts.abstract import Shift
from shiftproof.shifts.norms.ball import Ball
from shiftproof.shifts.norms.l2 import L2
from shiftproof.shifts.norms.linf import Linf

_SILENT = (nn.Identity, nn.Dropout, nn.Flatten)
"""Layers that in evaluation mode only pass their inputs on."""


@dataclass(frozen=True)
class Linear(Certificate):
    """The least move that changes the decision of a model with scores W x + b: min_j (s_c - s_j) / ||w_c - w_j||_*, c the decision.

    The dual norm ||.||_* is the sum of absolute values for `linf` and the Euclidean length for `l2`. For tables, moves are shares of each
    column's range, and so is the radius. Takes `nn.Linear`, with `nn.Flatten`, `nn.Identity` and `nn.Dropout`, alone or in `nn.Sequential`.

    Guarantees:
        No legal move of strength up to the radius changes the model's decision, its own rounding included: the score difference is lowered
        by gamma_k (|W| |x| + |b|), the bound on the rounding of k operations (Higham 2002, section 3.1; what computes in less than the
        weights' own precision is refused), and the radius by the share of `eps` that the shift tolerates. For digits this took 0.05 % off
        with 1000 features and 0.15 % with 3000; it is more where large terms cancel. The box is ignored: it only takes moves away, so away
        from its bounds the radius is exact, and at them it may be too small.
    Cost: one forward per example in float64, and as many backwards as there are classes once a batch.

    Example:
        >>> import shiftproof as sp
        >>> module = nn.Linear(2, 2, bias=False)
        >>> _ = module.weight.data.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
        >>> x = torch.tensor([[0.9, 0.5]])
        >>> proof = Linear().certify(sp.as_model(module, name="two"), Linf(0.1), x, Rng.for_ids(0, ["a"]))
        >>> round(float(proof.radius[0]), 4)  # both features move by half of 0.4
        0.2

    Reference: Hein & Andriushchenko 2017, "Formal guarantees on the robustness of a classifier against adversarial manipulation".
    """

    name: ClassVar[str] = "linear"
    references: ClassVar[tuple[str, ...]] = (
        "hein2017formal",
        "higham2002accuracy",
    )

    def objection(self, model: Labels, shift: Shift) -> str | None:
        if type(shift) not in (Linf, L2):
            return f"it supports linf and l2, not {shift.name}"
        if not isinstance(model, TorchModule):
            return f"it needs a torch module, and '{model.name}' is not one"
        for layer in _layers(model.module):
            if type(layer) not in (nn.Linear, *_SILENT):
                return f"it needs a linear model, and '{model.name}' contains {type(layer).__name__}"
            if layer._forward_hooks or layer._forward_pre_hooks:
                return f"'{model.name}' has forward hooks, whose effect is unknown"
        linear = [layer for layer in _layers(model.module) if type(layer) is nn.Linear]
        if not linear:
            return f"it needs a linear model, and '{model.name}' has no linear layer"
        if any(layer.weight.dtype not in (torch.float32, torch.float64) for layer in linear):
            return f"it needs weights in float32 or float64, and '{model.name}' has {linear[0].weight.dtype}".replace("torch.", "")
        return None

    def certify(self, model: Labels, shift: Shift, x: Tensor, rng: Rng) -> Proof:
        assert isinstance(model, TorchModule)  # `objection` has said so
        assert isinstance(shift, Ball)
        network_of(model, x, shift=shift)  # nothing but what its layers show happens in the module
        exact = _affine(model.module, x)
        scores = x.double().flatten(1) @ exact.weight.T + exact.bias
        prediction = scores.argmax(1)
        radius = torch.zeros(len(x), dtype=torch.float64, device=x.device)
        for label in set(prediction.tolist()):
            rows = (prediction == label).nonzero()[:, 0]
            radius[rows] = _radius(exact, shift, x[rows].double(), scores[rows], label)
        radius = radius.clamp_min(0.0) / (1 + shift.tolerance / shift.eps)
        return Proof(prediction, radius, radius <= 0, torch.ones(len(x), dtype=torch.int64))


class _Affine(NamedTuple):
    """Scores as weight @ x + bias, float64, shapes (classes, features) and (classes,).

    `size_*` are the same of |W| |x| + |b| over the layers, `FLUSHED` included; `gamma` bounds the rounding of a score as a share of that.
    """

    weight: Tensor
    bias: Tensor
    size_weight: Tensor
    size_bias: Tensor
    gamma: float


def _radius(exact: _Affine, shift: Ball, x: Tensor, scores: Tensor, label: int) -> Tensor:
    """The strength up to which each x of shape (m, ...), all decided for `label`, keeps its decision; negative if rounding may change it.

    A move d of strength r lowers a score difference by at most r * dual, and rounding takes gamma * (size of both scores at |x| + |d|),
    which grows by at most r * growth in all: solved for r, at the worst other class.
    """
    scale = torch.as_tensor(shift.space.scale(x), dtype=torch.float64, device=x.device).expand(x.shape[1:]).flatten()
    others = [j for j in range(len(exact.weight)) if j != label]
    difference = (exact.weight[label] - exact.weight[others]) * scale
    order = 1 if isinstance(shift, Linf) else 2
    dual = torch.linalg.vector_norm(difference, order, dim=1)
    size = x.flatten(1).abs() @ exact.size_weight.T + exact.size_bias
    growth = torch.linalg.vector_norm(exact.size_weight * scale, order, dim=1)
    margin = scores[:, [label]] - scores[:, others] - exact.gamma * (size[:, [label]] + size[:, others])
    slope = dual + exact.gamma * (growth[label] + growth[others])
    # With no slope nothing that moves matters: the decision holds everywhere, or a tie decided it and nothing is proven.
    radius = torch.where(slope > 0, margin / slope, torch.where(margin > 0, torch.inf, 0.0)).amin(1)
    return torch.minimum(radius, ((LARGEST - size) / growth).amin(1))  # beyond, float32 gives infinity


def _layers(module: nn.Module) -> list[nn.Module]:
    """The layers in order, `nn.Sequential` opened."""
    if type(module) is nn.Sequential and not module._forward_hooks and not module._forward_pre_hooks:
        return [layer for part in module for layer in _layers(part)]
    return [module]


def _affine(module: nn.Module, x: Tensor) -> _Affine:
    """The linear map that the layers make together, read off in float64 by its derivatives at 0."""
    layers = copy.deepcopy(_layers(module))
    linear = [layer for layer in layers if type(layer) is nn.Linear]
    unit = max(torch.finfo(layer.weight.dtype).eps for layer in linear) / 2
    # Each feature's product and sum, the bias, and adding the move. Reading them off in float64 rounds too, so it counts beside the model.
    operations = 1 + sum(layer.in_features + 1 for layer in linear)
    gamma = operations * unit * (2 if unit < 1e-12 else 1 + 1e-6)
    signed = nn.Sequential(*layers).double().eval()
    weight, bias = _derivatives(signed, x)
    with torch.no_grad():
        for layer in linear:
            layer.weight.abs_()
            added = layer.weight.new_zeros(layer.out_features) if layer.bias is None else layer.bias
            layer.bias = nn.Parameter(added.abs() + FLUSHED)
    return _Affine(weight, bias, *_derivatives(signed, x), gamma=gamma / (1 - gamma) if gamma < 1 else torch.nan)


def _derivatives(module: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    with torch.enable_grad():
        zero = torch.zeros(1, *x.shape[1:], dtype=torch.float64, device=x.device, requires_grad=True)
        (scores,) = module(zero)
        rows = [torch.autograd.grad(score, zero, retain_graph=True)[0].flatten() for score in scores]
    return torch.stack(rows), scores.detach()
