"""A network as a list of steps in float64, on which bounds are computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from shiftproof.certificates.bounds.layers import Affine, Convolution, Folded, Layer, LinearLayer, ScaleLayer, Shape, numel
from shiftproof.certificates.bounds.nonlinear_layers import Nonlinearity

OWN_UNIT = 2.0**-53
"""The unit roundoff of what is computed here."""


@dataclass(frozen=True, eq=False)
class Node:
    """One step: what it computes, from which nodes, and the shape of one value."""

    layer: Layer | None
    inputs: tuple[int, ...]
    shape: Shape
    name: str


@dataclass(frozen=True, eq=False)
class Network:
    """Steps in an order in which each comes after its inputs; node 0 is the input, the last the scores.

    Args:
        nodes: the steps.
        unit: the unit roundoff of the model that is bounded (2**-24 for float32): every value it computes is off by at most
            gamma_terms times the sum of absolute values that it adds up (Higham 2002 [higham2002accuracy], section 3.1). 0 for the
            network of exact arithmetic.

    Bounds on it hold for every network whose steps are off by so much: the model as it is computed, and ours.
    """

    nodes: tuple[Node, ...]
    unit: float = 0.0

    def __call__(self, x: Tensor) -> Tensor:
        """Scores (n, classes) in float64, for inputs (n, ...)."""
        return self.values(x)[-1]

    def values(self, x: Tensor) -> list[Tensor]:
        """The value of every node."""
        found: list[Tensor] = [x.double()]
        for node in self.nodes[1:]:
            assert node.layer is not None
            found.append(node.layer(*(found[i] for i in node.inputs)))
        return found

    def exact(self) -> Network:
        """The same in exact arithmetic."""
        return replace(self, unit=0.0)

    def then(self, weight: Tensor, offset: Tensor) -> Network:
        """The same with one step more: weight y + offset of the scores y, weight (out, classes), offset (out,)."""
        last = Node(LinearLayer(weight, offset), (len(self.nodes) - 1,), (len(weight),), "rows")
        return replace(self, nodes=(*self.nodes, last))

    def share(self, index: int) -> float:
        """What rounding, the model's and ours, changes at this node, as a share of its layer's `size`."""
        node = self.nodes[index]
        terms = node.layer.terms if node.layer is not None else 1
        fan = max([numel(node.shape), *(numel(self.nodes[i].shape) for i in node.inputs)])
        own = 8 * (fan + terms + 16) * OWN_UNIT
        model = terms * self.unit
        return own + (model / (1 - model) if model < 1 else torch.inf)

    @cached_property
    def curved(self) -> dict[int, list[Nonlinearity]]:
        """The nodes whose intervals make lines, and the curves on them."""
        found: dict[int, list[Nonlinearity]] = {}
        for node in self.nodes:
            if isinstance(node.layer, Nonlinearity):
                found.setdefault(node.inputs[0], []).append(node.layer)
        return found

    @cached_property
    def plain(self) -> frozenset[int]:
        """Nodes that intervals bound as well as anything over a box: at most one step that mixes between them and the input."""
        depth = [0]
        for node in self.nodes[1:]:
            assert node.layer is not None
            before = max(depth[i] for i in node.inputs)
            depth.append(before + (2 if isinstance(node.layer, Nonlinearity) else int(node.layer.mixes)))
        return frozenset(i for i, d in enumerate(depth) if d <= 1)


def folded(nodes: Sequence[Node]) -> tuple[Node, ...]:
    """The same steps, with constants added or multiplied after a linear step or a convolution made part of it."""
    made = list(nodes)
    users: dict[int, int] = {}
    for node in made:
        for i in node.inputs:
            users[i] = users.get(i, 0) + 1
    moved: dict[int, int] = {}
    kept: list[Node] = []
    for index, node in enumerate(made):
        inputs = tuple(moved[i] for i in node.inputs)
        before = kept[inputs[0]] if inputs else None
        if isinstance(node.layer, ScaleLayer) and before is not None and users[node.inputs[0]] == 1:
            layer = _fold(before, node.layer)
            if layer is not None:
                kept[inputs[0]] = Node(layer, before.inputs, node.shape, before.name)
                moved[index] = inputs[0]
                continue
        moved[index] = len(kept)
        kept.append(Node(node.layer, inputs, node.shape, node.name))
    return tuple(kept)


def _fold(before: Node, scale: ScaleLayer) -> Affine | None:
    layer, shape = before.layer, before.shape
    if not isinstance(layer, LinearLayer | Convolution) or (isinstance(layer, LinearLayer) and len(shape) != 1):
        return None
    each = shape if isinstance(layer, LinearLayer) else (shape[0], *[1] * (len(shape) - 1))
    if not _fits(scale, each):
        return None
    factor, offset, inner = (part.expand(each) for part in (scale.scale, scale.offset, scale.inner))
    ground = layer.ground if layer.ground is not None else torch.zeros_like(offset)
    folding = Folded(scale.terms + (layer.folded.terms if layer.folded else 0), factor.abs() * (ground + inner) + offset.abs())
    bias = offset if layer.offset is None else layer.offset * factor + offset
    if isinstance(layer, LinearLayer):
        return LinearLayer(layer.weight * factor[:, None], bias, folding)
    weight = layer.weight * factor.reshape(-1, *[1] * (layer.weight.dim() - 1))
    return replace(layer, weight=weight, bias=bias.flatten(), folded=folding)


def _fits(scale: ScaleLayer, each: Shape) -> bool:
    try:
        shapes = (part.shape for part in (scale.scale, scale.offset, scale.inner))
        return torch.broadcast_shapes(*shapes, each) == each  # type: ignore[no-untyped-call,no-any-return]
    except RuntimeError:
        return False
