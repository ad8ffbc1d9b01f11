"""Intervals of every node: by interval arithmetic, and by backward passes where these tighten relaxations.

Reference: Gowal et al. 2018 [gowal2018effectiveness].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import torch
from torch import Tensor

from shiftproof.certificates.bounds.backward import lower_bounds
from shiftproof.certificates.bounds.layers import Box, numel
from shiftproof.certificates.bounds.network import Network
from shiftproof.certificates.bounds.region import Region
from shiftproof.certificates.bounds.windows import window_bounds, windowed

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
    boxes = [_of_inputs(network, region)]
    for index in range(1, len(network.nodes) - 1):
        box = _through(network, boxes, index)
        if index in known:
            box = box.meet(known[index])
        boxes.append(box)
        if bounder is not None and _worth(network, region, index) and not (stop and stop()):
            boxes[index] = box.meet(_backwards(network, region, boxes, index, bounder, stop))
    return boxes


def both_intervals(network: Network, region: Region) -> tuple[list[Box], list[Box]]:
    """The best intervals by backward passes and interval arithmetic together, and those of backward passes alone.

    Better intervals do not always make better lines, as which line is good depends on the interval: bounds from both are never worse than
    those of either.
    """
    best, alone = [_of_inputs(network, region)], [_of_inputs(network, region)]
    same = True
    for index in range(1, len(network.nodes) - 1):
        best.append(_through(network, best, index))
        alone.append(best[index] if same else _through(network, alone, index))
        if not _worth(network, region, index):
            continue
        found = _backwards(network, region, best, index, crown_bounds, None)
        alone[index] = found if same else _backwards(network, region, alone, index, crown_bounds, None)
        best[index] = best[index].meet(found).meet(alone[index])
        same = same and all(torch.equal(a, b) for a, b in zip(best[index], alone[index], strict=True))
    return best, alone


def _of_inputs(network: Network, region: Region) -> Box:
    return widened(region.box, network.share(0) * region.box.most)


def _through(network: Network, boxes: list[Box], index: int) -> Box:
    """Interval arithmetic at one node."""
    node = network.nodes[index]
    assert node.layer is not None
    before = [boxes[i] for i in node.inputs]
    box = node.layer.interval(*before)
    return widened(box, network.share(index) * node.layer.size(*(each.most for each in before))) if node.layer.terms else box


def _worth(network: Network, region: Region, index: int) -> bool:
    """Whether a backward pass can improve this node's interval, and a nonlinearity depends on it."""
    return index in network.curved and not (region.boxed and index in network.plain)


def widened(box: Box, margin: Tensor) -> Box:
    """The box with every end moved outwards."""
    return Box(box.low - margin, box.high + margin)


def _backwards(network: Network, region: Region, boxes: list[Box], index: int, bounder: Bounder, stop: Callable[[], bool] | None) -> Box:
    """What backward passes say of a node's units where curves want it; its interval elsewhere."""
    box = boxes[index]
    wanted = torch.stack([curve.wanted(box) for curve in network.curved[index]]).any(0).flatten(1)
    low, high = box.low.flatten(1).clone(), box.high.flatten(1).clone()
    shape = box.low.shape
    if bool(wanted.any()):
        if bounder is crown_bounds and windowed(network, index):
            _by_windows(network, region, boxes, index, wanted, low, high)
        else:
            _by_rows(network, region, boxes, index, wanted, low, high, bounder, stop)
    return Box(torch.minimum(low, high).reshape(shape), torch.maximum(low, high).reshape(shape))


def _by_windows(network: Network, region: Region, boxes: list[Box], index: int, wanted: Tensor, low: Tensor, high: Tensor) -> None:
    row, unit = wanted.nonzero(as_tuple=True)
    widest = max(network.nodes[i].shape[0] for i in range(index + 1))
    step = max(1, ENTRIES // (128 * widest))
    for part in range(0, len(row), step):
        rows, units = row[part : part + step], unit[part : part + step]
        low[rows, units], high[rows, units] = window_bounds(network, region, boxes, index, rows, units)


def _by_rows(
    network: Network,
    region: Region,
    boxes: list[Box],
    index: int,
    wanted: Tensor,
    low: Tensor,
    high: Tensor,
    bounder: Bounder,
    stop: Callable[[], bool] | None,
) -> None:
    most = int(wanted.sum(1).max())
    # Each row's own entries, those that are not wanted filling up the end.
    order = wanted.to(torch.int8).argsort(dim=1, descending=True, stable=True)[:, :most]
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
        asked = wanted.gather(1, at)
        low.scatter_(1, at, torch.where(asked, least[:, : at.shape[1]], low.gather(1, at)))
        high.scatter_(1, at, torch.where(asked, -least[:, at.shape[1] :], high.gather(1, at)))
