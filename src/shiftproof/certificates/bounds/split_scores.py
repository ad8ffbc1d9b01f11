"""Which units are worth cutting: estimates of what replacing a curve by lines costs a bound, input by input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from shiftproof.certificates.bounds.layers import Box
from shiftproof.certificates.bounds.network import Network
from shiftproof.certificates.bounds.nonlinear_layers import Elementwise, MaxPool, Nonlinearity, Relu

TRIED = 3
"""Units tried in each part, by each of two scores."""
_NARROW = 1e-9


def promising(
    network: Network, boxes: Sequence[Box], after: Mapping[int, Tensor], choices: Mapping[int, Tensor]
) -> list[tuple[Tensor, Tensor, Tensor]]:
    """The units that promise most in each part: (node, unit, whether there is one), each (n,).

    Args:
        network: what is bounded.
        boxes: intervals of the nodes in n parts.
        after: rows at the values of every curve, (n, 1, *shape), by curve.
        choices: of lines, by curve.
    """
    scores: list[list[Tensor]] = [[], []]
    nodes: list[Tensor] = []
    for index, rows in after.items():
        k, layer = network.nodes[index].inputs[0], network.nodes[index].layer
        assert isinstance(layer, Nonlinearity)
        box = boxes[k]
        open_ = (layer.wanted(box) & (box.high - box.low > _NARROW)).flatten(1)
        choice = choices[index] if index in choices else layer.start(box)[:, None]
        for kept, score in zip(scores, _costs(layer, rows[:, 0], box, choice), strict=True):
            kept.append(torch.where(open_, score.flatten(1), -1.0))
        nodes.append(torch.full((open_.shape[1],), k))
    if not nodes:
        return []
    owner = torch.cat(nodes)
    offset = torch.cat([torch.arange(len(each)) for each in nodes])
    found: list[tuple[Tensor, Tensor, Tensor]] = []
    for each in scores:
        joined = torch.cat(each, dim=1)
        value, at = joined.topk(min(TRIED, joined.shape[1]), dim=1)
        found += [(owner[at[:, i]], offset[at[:, i]], value[:, i] >= 0) for i in range(value.shape[1])]
    return found


def _costs(layer: Nonlinearity, a: Tensor, box: Box, choice: Tensor) -> tuple[Tensor, Tensor]:
    """Two scores >= 0 of every input of a curve, like box, for rows a of shape (n, *out)."""
    if isinstance(layer, Relu):
        height = -box.low * box.high / (box.high - box.low).clamp_min(1e-300)  # what the upper line adds at 0
        small = 1e-12 * height
        return a.clamp_max(0).abs() * height + small, a.abs() * torch.minimum(-box.low, box.high) + small
    if isinstance(layer, Elementwise):
        return _of_lines(layer, a, box, choice)
    assert isinstance(layer, MaxPool)
    return _of_windows(layer, a, box)


def _of_lines(layer: Elementwise, a: Tensor, box: Box, choice: Tensor) -> tuple[Tensor, Tensor]:
    """The error at the cut of the line that the row takes, and the greatest distance of the two lines."""
    lines = layer.lines(Box(box.low[:, None], box.high[:, None]), choice)

    def between(x: Tensor) -> tuple[Tensor, Tensor]:
        x = x[:, None]
        return (lines.low_slope * x + lines.low_offset)[:, 0], (lines.high_slope * x + lines.high_offset)[:, 0]

    at = layer.cut(box)
    low, high = between(at)
    error = torch.where(a < 0, high - layer(at), layer(at) - low)
    band = torch.stack([top - bottom for bottom, top in map(between, (box.low, at, box.high))]).amax(0)
    return a.abs() * error.clamp_min(0), a.abs() * band.clamp_min(0)


def _of_windows(layer: MaxPool, a: Tensor, box: Box) -> tuple[Tensor, Tensor]:
    """How far each entry's interval reaches into those of its rivals, in every window whose winner is open; twice."""
    low, high = layer.gathered(box.low), layer.gathered(box.high)  # (n, channels, places, window)
    best = low.argmax(-1, keepdim=True)
    rivals = high.scatter(-1, best, -torch.inf).amax(-1, keepdim=True)
    reach = (high - low.gather(-1, best)).clamp_min(0).scatter(-1, best, (rivals - low.gather(-1, best)).clamp_min(0))
    reach = (reach * (rivals > low.gather(-1, best)) * a.flatten(2).abs()[..., None]).masked_fill(layer.windows < 0, 0.0)
    flat = torch.zeros_like(box.low).flatten(2)
    places = layer.windows.clamp_min(0).flatten().expand(*flat.shape[:2], -1)
    score = flat.scatter_add(2, places, reach.flatten(2)).reshape(box.low.shape)
    score = torch.where(score > 0, score, -1.0)
    return score, score
