"""Whether a network computes the scores of the model that it was read from, up to rounding."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from shiftproof._errors import NotCertifiable
from shiftproof.certificates.bounds.backward import lower_bounds
from shiftproof.certificates.bounds.layers import Box
from shiftproof.certificates.bounds.network import Network
from shiftproof.certificates.bounds.nonlinear_layers import MaxPool
from shiftproof.certificates.bounds.region import Region

_ROOM = 2.0
"""Rounding is worked out to first order; twice that is allowed."""
_WIDTH = 1e-8
"""From this width on a curve between lines has the slope of the curve."""


def check_same(network: Network, scorer: Callable[[Tensor], Tensor], x: Tensor, name: str, whose: str = "ONNX Runtime computes") -> None:
    """Raises `NotCertifiable` where a network's scores differ from the model's by more than rounding explains, score by score.

    Args:
        network: with the model's unit roundoff.
        scorer: the model: inputs (n, *shape) to scores (n, classes).
        x: inputs.
        name: what people call the model.
        whose: what else was computed, for the message.
    """
    with torch.no_grad():
        values = network.values(x)
        ours, theirs = values[-1], scorer(x).double()
        if theirs.shape == ours.shape:
            apart = (theirs - ours).abs().masked_fill(theirs == ours, 0.0)  # infinite ones too
            # The last step's rounding is a part of the whole, and mostly enough.
            rows = (~(apart <= _last(network, values))).any(1).nonzero()[:, 0]
            if not len(rows) or not bool((~(apart[rows] <= _rounding(network, [value[rows] for value in values]))).any()):
                return
    raise NotCertifiable(
        f"The graph read from '{name}' gives different outputs from what {whose}, by more than rounding explains, so nothing can be "
        "certified. Its forward may do something that the graph does not show."
    )


def _last(network: Network, values: list[Tensor]) -> Tensor:
    node = network.nodes[-1]
    assert node.layer is not None
    return network.share(-1) * node.layer.size(*(values[i].abs() for i in node.inputs))


def _rounding(network: Network, values: list[Tensor]) -> Tensor:
    """How far each score may be off, (n, classes): every step's rounding, carried to the scores by their slopes there."""
    boxes = [Box(value, value) for value in values]
    for index, curves in network.curved.items():
        if not any(isinstance(curve, MaxPool) for curve in curves):
            width = _WIDTH + _off(network, values, index)
            boxes[index] = Box(values[index] - width, values[index] + width)
    classes = values[-1].shape[1]
    each = torch.eye(classes, dtype=torch.float64, device=values[0].device).expand(len(values[0]), -1, -1)
    room = _ROOM * (values[-1] - lower_bounds(network, Region(boxes[0]), boxes, each).least)
    return room.nan_to_num(nan=torch.inf)  # beyond what float32 holds nothing is proven either


def _off(network: Network, values: list[Tensor], index: int) -> Tensor | float:
    node = network.nodes[index]
    return 0.0 if node.layer is None else network.share(index) * node.layer.size(*(values[i].abs() for i in node.inputs))
