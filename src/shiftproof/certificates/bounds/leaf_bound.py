"""Bounds where every ReLU has a fixed sign: the network is linear there, and a linear program decides it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from scipy.optimize import linprog
from torch import Tensor

from shiftproof.certificates.bounds.backward import lower_bounds
from shiftproof.certificates.bounds.layers import Box
from shiftproof.certificates.bounds.network import Network
from shiftproof.certificates.bounds.region import Region


def leaf_bound(
    network: Network, region: Region, boxes: Sequence[Box], c: Tensor, signs: Mapping[int, Tensor], enough: float
) -> tuple[float, Tensor | None]:
    """A lower bound of c f(x) on one part, and the input where the linear program says that it is least; None where the part is empty.

    Args:
        network: its curves all ReLUs.
        region: one box.
        boxes: intervals with every unit's sign settled.
        c: (1, 1, classes).
        signs: the part's constraints by node, (1, *shape): values >= 0 where 1, <= 0 where -1.
        enough: a bound above which the part is done.

    Guarantees:
        The program is solved by HiGHS to its tolerance, and only its multipliers are taken: the bound is that of a backward pass with them,
        which is sound whatever they are.
    """
    rows, offsets, places = _constraints(network, region, boxes, signs)
    cost = lower_bounds(network, region, boxes, c, margin=False).rows.flatten().numpy()
    ends = list(zip(region.box.low.flatten().tolist(), region.box.high.flatten().tolist(), strict=True))
    if not len(rows):
        point = torch.where(torch.from_numpy(cost) > 0, region.box.low.flatten(), region.box.high.flatten())
        return float(lower_bounds(network, region, boxes, c).least), point.reshape(network.nodes[0].shape)
    # How far the constraints can be met at all: the least t with offset + row x <= t.
    slack = linprog(
        np.append(np.zeros(len(cost)), 1.0), A_ub=np.hstack([rows, -np.ones((len(rows), 1))]), b_ub=-offsets, bounds=[*ends, (None, None)]
    )
    if slack.status == 0 and slack.fun > 0:
        weights = -slack.ineqlin.marginals
        bound = -np.inf
        for factor in 10.0 ** np.arange(0, 13, 2):  # as large as it takes to lift the bound
            bound = max(bound, _bound(network, region, boxes, c, signs, places, factor * weights))
            if bound > enough:
                break
        return bound, None
    found = linprog(cost, A_ub=rows, b_ub=-offsets, bounds=ends)
    if found.status != 0:
        return -np.inf, None
    bound = _bound(network, region, boxes, c, signs, places, -found.ineqlin.marginals)
    return bound, torch.from_numpy(found.x).reshape(network.nodes[0].shape)


Matrix = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def _constraints(
    network: Network, region: Region, boxes: Sequence[Box], signs: Mapping[int, Tensor]
) -> tuple[Matrix, Matrix, list[tuple[int, Tensor]]]:
    """Row x + offset <= 0 for every constraint, and where each node's stand."""
    rows, offsets = [np.zeros((0, region.box.low.numel()))], [np.zeros(0)]
    places: list[tuple[int, Tensor]] = []
    for k, sign in signs.items():
        units = sign.flatten().nonzero()[:, 0]
        if not len(units):
            continue
        c = torch.zeros(1, len(units), sign.numel(), dtype=torch.float64)
        c[0, torch.arange(len(units)), units] = -sign.flatten()[units]
        found = lower_bounds(network, region, boxes, c.reshape(1, len(units), *sign.shape[1:]), at=k, margin=False)
        rows.append(found.rows[0].flatten(1).numpy())
        offsets.append((found.least - region.least(found.rows))[0].numpy())
        places.append((k, units))
    return np.vstack(rows), np.concatenate(offsets), places


def _bound(
    network: Network,
    region: Region,
    boxes: Sequence[Box],
    c: Tensor,
    signs: Mapping[int, Tensor],
    places: list[tuple[int, Tensor]],
    weights: Matrix,
) -> float:
    pulls: dict[int, Tensor] = {}
    start = 0
    for k, units in places:
        weight = torch.zeros(signs[k].numel(), dtype=torch.float64)
        weight[units] = torch.from_numpy(np.maximum(weights[start : start + len(units)], 0.0))
        pulls[k] = -weight.reshape(signs[k].shape)[:, None] * signs[k][:, None]
        start += len(units)
    return float(lower_bounds(network, region, boxes, c, splits=pulls).least)
