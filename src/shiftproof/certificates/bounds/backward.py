"""One pass from specifications back to the input: linear lower bounds of linear functions of a node (CROWN).

Reference: Zhang et al. 2018 [zhang2018efficient].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from shiftproof.certificates.bounds.layers import Affine, Box
from shiftproof.certificates.bounds.network import Network
from shiftproof.certificates.bounds.nonlinear_layers import Nonlinearity
from shiftproof.certificates.bounds.region import Region


class Linearised(NamedTuple):
    """c f(x) >= rows x + constant on the region.

    `least` is the least value of the right side there, (n, specs), rounding taken off. `after` has the rows at every curve's values,
    (n, specs, *shape).
    """

    least: Tensor
    rows: Tensor
    after: dict[int, Tensor]


def lower_bounds(
    network: Network,
    region: Region,
    boxes: Sequence[Box],
    c: Tensor,
    *,
    at: int = -1,
    choices: Mapping[int, Tensor] | None = None,
    pulls: Mapping[int, Box] | None = None,
    margin: bool = True,
    back_to_curves: bool = False,
) -> Linearised:
    """Lower bounds of c z over the region, z the values of node `at`.

    Args:
        network: what is bounded.
        region: n regions.
        boxes: intervals of all nodes before `at`, by which curves are replaced by lines.
        c: (n, specs, *shape of the node).
        at: the node.
        choices: lines' choices by curved node, (n, specs or 1, *shape); where absent, each curve's own start.
        pulls: by node, multipliers of the two ends of its interval, (n, specs or 1, *shape) and at least 0. low (box.low - z) +
            high (z - box.high), which is never above 0, is added to the bound.
        margin: whether what rounding can change is taken off; without it the values are for optimisation only.
        back_to_curves: stop at the last curves, and take their values' intervals: interval arithmetic on the affine steps as a whole.
    """
    at = at % len(network.nodes)
    waiting: dict[int, Tensor] = {at: c}
    total = c.new_zeros(c.shape[:2])
    loss = torch.zeros_like(total)
    after: dict[int, Tensor] = {}
    for index in range(at, 0, -1):
        a = waiting.pop(index, None)
        if a is None:
            continue
        if pulls and index in pulls:
            a, offset, most = _pulled(a, pulls[index], boxes[index])
            total, loss = total + offset, loss + network.share(index) * most
        node = network.nodes[index]
        inputs = node.inputs
        if isinstance(node.layer, Nonlinearity) and back_to_curves:
            total = total + _least_in(a, boxes[index])
            loss = loss + network.share(index) * _dot(a.abs(), boxes[index].most)
            continue
        if isinstance(node.layer, Nonlinearity):
            after[index] = a
            box = boxes[inputs[0]]
            choice = choices[index] if choices and index in choices else node.layer.start(box)[:, None]
            back = node.layer.backward(a, box, choice, measured=margin)
            total = total + back.constant
            rows: tuple[Tensor, ...] = (back.rows,)
            size = back.size
        else:
            assert isinstance(node.layer, Affine)
            total, rows = total + _constant(a, node.layer), _transposed(a, node.layer, network, inputs)
            size = _size(a, node.layer, [boxes[i] for i in inputs]) if margin and node.layer.terms else None
        if margin and size is not None:
            loss = loss + network.share(index) * size
        for i, row in zip(inputs, rows, strict=True):
            waiting[i] = waiting[i] + row if i in waiting else row
    rows_at_input = waiting.get(0, c.new_zeros(*c.shape[:2], *network.nodes[0].shape))
    least = region.least(rows_at_input) + total
    if margin:
        loss = loss + network.share(0) * _dot(rows_at_input.abs(), boxes[0].most)
        least = least - loss
    return Linearised(least, rows_at_input, after)


def _dot(a: Tensor, x: Tensor) -> Tensor:
    return torch.bmm(a.flatten(2), x.flatten(1)[..., None])[..., 0]


def _least_in(a: Tensor, box: Box) -> Tensor:
    return _dot(a, (box.low + box.high) / 2) - _dot(a.abs(), (box.high - box.low) / 2)


def _pulled(a: Tensor, pull: Box, box: Box) -> tuple[Tensor, Tensor, Tensor]:
    """The rows with the multipliers of both ends, what these add to the bound, and the sum of absolute values in that, (n, specs)."""
    with torch.no_grad():
        size = _dot(pull.low + pull.high, box.most)
    return a + (pull.high - pull.low), _dot(pull.low, box.low) - _dot(pull.high, box.high), size


def _constant(a: Tensor, layer: Affine) -> Tensor | float:
    if layer.offset is None:
        return 0.0
    offset = layer.offset.expand(a.shape[2:]).flatten()
    return a.flatten(2) @ offset


def _transposed(a: Tensor, layer: Affine, network: Network, inputs: tuple[int, ...]) -> tuple[Tensor, ...]:
    shapes = [network.nodes[i].shape for i in inputs]
    return tuple(row.reshape(*a.shape[:2], *shape) for row, shape in zip(layer.transpose(a.flatten(0, 1), shapes), shapes, strict=True))


def _size(a: Tensor, layer: Affine, boxes: Sequence[Box]) -> Tensor:
    with torch.no_grad():
        size = layer.size(*(box.most for box in boxes))
        return _dot(a.detach().abs(), size)
