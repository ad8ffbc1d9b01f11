"""Intervals of every node: by interval arithmetic (Gowal et al. 2018), and by backward passes where they would make lines tighter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import torch
from torch import Tensor

from shiftproof.certificates.bounds.backward import lower_bounds
from shiftproof.certificates.bounds.layers import Box, numel
from shiftproof.certificates.bounds.network import Network
from shiftproof.certificates.bounds.region import Region

ENTRIES = 4_000_000
"""Numbers that one backward pass holds at most at a node: 32 MB."""


class Bounder(Protocol):
    """Lower bounds (n, specs) of c z, as `lower_bounds` gives them."""

    def __call__(self, network: Network, region: Region, boxes: list[Box], c: Tensor, at: int) -> Tensor:
        """The bounds."""
        ...


def crown_bounds(network: Network, region: Region, boxes: list[Box], c: Tensor, at: int) -> Tensor:
    """The plain backward pass."""
    return lower_bounds(network, region, boxes, c, at=at).least


def intervals(
    network: Network,
    region: Region,
    *,
    bounder: Bounder | None = crown_bounds,
    known: Mapping[int, Box] | None = None,
    stop: Callable[[], bool] | None = None,
) -> list[Box]:
    """An interval around every node's values, the last left out.

    Args:
        network: what is bounded.
        region: n regions.
        bounder: what tightens the inputs of curves; None for interval arithmetic alone.
        known: intervals that hold for other reasons (a split, a larger region), by node.
        stop: asked before each backward pass; where it says so, the rest is interval arithmetic.
    """
    known = known or {}
    boxes: list[Box] = [widened(region.box, network.share(0) * region.box.most)]
    for index, node in enumerate(network.nodes[1:-1], start=1):
        assert node.layer is not None
        before = [boxes[i] for i in node.inputs]
        box = node.layer.interval(*before)
        if node.layer.terms:
            box = widened(box, network.share(index) * node.layer.size(*(each.most for each in before)))
        if index in known:
            box = box.meet(known[index])
        boxes.append(box)
        tight = region.boxed and index in network.plain
        if bounder is not None and index in network.curved and not tight and not (stop and stop()):
            boxes[index] = _tightened(network, region, boxes, index, bounder, stop)
    return boxes


def widened(box: Box, margin: Tensor) -> Box:
    """The box with every end moved outwards."""
    return Box(box.low - margin, box.high + margin)


def _tightened(network: Network, region: Region, boxes: list[Box], index: int, bounder: Bounder, stop: Callable[[], bool] | None) -> Box:
    box = boxes[index]
    wanted = torch.stack([curve.wanted(box) for curve in network.curved[index]]).any(0).flatten(1)
    count = wanted.sum(1)
    most = int(count.max()) if len(count) else 0
    if not most:
        return box
    # Each row's own entries, those that are not wanted filling up the end.
    order = wanted.to(torch.int8).argsort(dim=1, descending=True, stable=True)[:, :most]
    low, high = box.low.flatten(1).clone(), box.high.flatten(1).clone()
    size = numel(network.nodes[index].shape)
    widest = max(numel(node.shape) for node in network.nodes[: index + 1])
    step = max(1, ENTRIES // (2 * len(region) * widest))
    for start in range(0, most, step):
        if stop and stop():
            break
        at = order[:, start : start + step]
        units = torch.zeros(*at.shape, size, dtype=low.dtype, device=low.device).scatter_(2, at[..., None], 1.0)
        c = torch.cat([units, -units], dim=1).reshape(len(at), -1, *network.nodes[index].shape)
        least = bounder(network, region, boxes, c, index)
        under, over = least[:, : at.shape[1]], -least[:, at.shape[1] :]
        low.scatter_(1, at, torch.maximum(low.gather(1, at), under))
        high.scatter_(1, at, torch.minimum(high.gather(1, at), over))
    shape = box.low.shape
    return Box(torch.minimum(low, high).reshape(shape), torch.maximum(low, high).reshape(shape))
