"""Backward passes from single units of convolutions, computed only on the window of nodes that each unit sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from shiftproof.certificates.bounds.layers import Box, Convolution, Layer, ScaleLayer, Shape
from shiftproof.certificates.bounds.network import Network
from shiftproof.certificates.bounds.nonlinear_layers import Elementwise
from shiftproof.certificates.bounds.region import Region

_SMALL = 0.5
"""Share of a node's places from which on a window is no gain."""


@dataclass(frozen=True, eq=False)
class _Windows:
    """One window of the places (height, width) of a node for each of m rows; it may reach beyond the borders.

    Args:
        row: the example of each, (m,).
        top: its first line, (m,).
        left: its first column, (m,).
        size: lines and columns of all.
    """

    row: Tensor
    top: Tensor
    left: Tensor
    size: tuple[int, int]

    def before(self, layer: Convolution) -> _Windows:
        """What these see of the convolution's input."""
        top, left = (
            first * stride - padding for first, stride, padding in zip((self.top, self.left), layer.stride, layer.padding, strict=True)
        )
        height, width = _before(self.size, layer)
        return _Windows(self.row, top, left, (height, width))

    def places(self) -> tuple[Tensor, Tensor]:
        """Lines (m, height) and columns (m, width)."""
        lines, columns = (torch.arange(size, device=self.row.device) for size in self.size)
        return self.top[:, None] + lines, self.left[:, None] + columns

    def of(self, x: Tensor) -> Tensor:
        """The windows' entries of x (n, channels, *places), (m, channels, *size); beyond the borders those of the border."""
        lines, columns = (each.clamp(0, size - 1) for each, size in zip(self.places(), x.shape[2:], strict=True))
        return x.permute(0, 2, 3, 1)[self.row[:, None, None], lines[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)

    def inside(self, shape: Shape) -> Tensor:
        """1 at places inside of the borders, else 0, (m, 1, 1, *size)."""
        lines, columns = (((each >= 0) & (each < size)).double() for each, size in zip(self.places(), shape[1:], strict=True))
        return (lines[:, :, None] * columns[:, None, :])[:, None, None]


def windowed(network: Network, index: int) -> bool:
    """Whether a node's units see windows that are small: a chain of convolutions, elementwise curves and scales by channel before it."""
    size = (1, 1)
    while index:
        node = network.nodes[index]
        if len(node.inputs) != 1 or not _passable(node.layer):
            return False
        index = node.inputs[0]
        shape = network.nodes[index].shape
        if isinstance(node.layer, Convolution):
            size = _before(size, node.layer)
        if len(shape) != 3 or size[0] * size[1] > _SMALL * shape[1] * shape[2]:
            return False
    return True


def _passable(layer: Layer | None) -> bool:
    if isinstance(layer, ScaleLayer):
        return all(part.dim() == 0 or part.shape[-2:].numel() == 1 for part in (layer.scale, layer.inner, layer.offset))
    return isinstance(layer, Elementwise) or (isinstance(layer, Convolution) and len(layer.stride) == 2)


def _before(size: tuple[int, int], layer: Convolution) -> tuple[int, int]:
    geometry = zip(size, layer.stride, layer.dilation, layer.weight.shape[2:], strict=True)
    height, width = ((each - 1) * stride + dilation * (kernel - 1) + 1 for each, stride, dilation, kernel in geometry)
    return height, width


def window_bounds(network: Network, region: Region, boxes: Sequence[Box], index: int, row: Tensor, unit: Tensor) -> tuple[Tensor, Tensor]:
    """The least and greatest value, (m,) each, of single units of a node, as `lower_bounds` has them from rows with one entry.

    Args:
        network: what is bounded; `windowed` at this node.
        region: n regions.
        boxes: intervals of all nodes before.
        index: the node.
        row: the region of each unit, (m,).
        unit: its place in the node's flat values, (m,).

    Cost: a backward pass over the windows alone, where the dense one has every place.
    """
    channels, height, width = network.nodes[index].shape
    place = unit % (height * width)
    window = _Windows(row, place // width, place % width, (1, 1))
    one = F.one_hot(unit // (height * width), channels).double()
    a = torch.stack([one, -one], dim=1)[..., None, None]  # (m, 2, channels, *size)
    total = a.new_zeros(a.shape[:2])
    loss = torch.zeros_like(total)
    while index:
        node = network.nodes[index]
        (before,) = node.inputs
        layer, box = node.layer, boxes[before]
        if isinstance(layer, Elementwise):
            part = Box(window.of(box.low), window.of(box.high))
            back = layer.backward(a, part, layer.start(part)[:, None])
            total, a = total + back.constant, back.rows
            assert back.size is not None  # it was measured
            loss = loss + network.share(index) * back.size
        else:
            assert isinstance(layer, Convolution | ScaleLayer)  # `windowed` has said so
            loss = loss + network.share(index) * _dot(a.abs(), window.of(layer.size(box.most)))
            if layer.offset is not None:
                total = total + (a * layer.offset).flatten(2).sum(2)
            if isinstance(layer, ScaleLayer):
                a = a * layer.scale
            else:
                window = window.before(layer)
                a = _transposed(a, layer, window.size) * window.inside(network.nodes[before].shape)
        index = before
    loss = loss + network.share(0) * _dot(a.abs(), window.of(boxes[0].most))
    least = _cut(region, window).least(a) + total - loss
    return least[:, 0], -least[:, 1]


def _transposed(a: Tensor, layer: Convolution, size: tuple[int, int]) -> Tensor:
    rows: Tensor = F.conv_transpose2d(a.flatten(0, 1), layer.weight, None, layer.stride, 0, 0, layer.groups, layer.dilation)
    return rows.reshape(*a.shape[:2], rows.shape[1], *size)


def _cut(region: Region, window: _Windows) -> Region:
    """The regions seen through the windows; entries outside of the borders are multiplied by 0."""
    box = Box(window.of(region.box.low), window.of(region.box.high))
    if region.center is None or region.radius is None:
        return Region(box)
    scale = None if region.scale is None else window.of(region.scale.expand(region.center.shape))
    return Region(box, region.order, window.of(region.center), region.radius[window.row], scale)


def _dot(a: Tensor, x: Tensor) -> Tensor:
    return torch.bmm(a.flatten(2), x.flatten(1)[..., None])[..., 0]
