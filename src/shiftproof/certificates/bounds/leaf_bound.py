"""Bounds where every ReLU has a fixed sign: the network is linear there, and a linear program decides it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from scipy.optimize import linprog
from torch import Tensor

from shiftproof.certificates.bounds.backward import lower_bounds
from shiftproof.certificates.bounds.deadline import Deadline
from shiftproof.certificates.bounds.layers import Box
from shiftproof.certificates.bounds.network import Network
from shiftproof.certificates.bounds.region import Region

_LEAST_SECONDS = 0.01


def leaf_bound(
    network: Network, region: Region, boxes: Sequence[Box], root: Mapping[int, Box], deadline: Deadline
) -> tuple[float, Tensor | None]:
    """A lower bound of the greatest score on one part, and the input where the linear program says that it is least.

    No input where the part is empty or the program came to no end.

    Args:
        network: its curves all ReLUs, its scores the rows that must all be at most 0 for a violation.
        region: one box.
        boxes: intervals with every unit's sign settled.
        root: intervals of curved nodes that hold without the part's cuts; an end that differs is a constraint.
        deadline: when the programs end at the latest.

    Guarantees:
        The program is solved by HiGHS to its tolerance, and only its multipliers are taken: the bound is that of a backward pass with them,
        which is sound whatever they are. A bound above 0 excludes the part.
    """
    limits = _limits(network, region, boxes, root)
    c = torch.eye(network.nodes[-1].shape[0], dtype=torch.float64)[None]
    scores = lower_bounds(network, region, boxes, c, margin=False)
    cost, offset = scores.rows[0].flatten(1).numpy(), (scores.least - region.least(scores.rows))[0].numpy()
    features = cost.shape[1]
    ends = [*zip(region.box.low.flatten().tolist(), region.box.high.flatten().tolist(), strict=True), (None, None)]
    aim = np.append(np.zeros(features), 1.0)
    seconds = {"time_limit": max(deadline.left, _LEAST_SECONDS)}

    def solved(rows: Matrix, offsets: Matrix, slack: float) -> ProgramSolution:
        """The least t with cost x + offset <= t and, or else only, the limits within slack t."""
        column = np.append(np.full(len(offsets), -1.0), np.full(len(limits.offsets), -slack))[:, None]
        sides = np.concatenate([offsets, limits.offsets])
        found = linprog(aim, A_ub=np.hstack([np.vstack([rows, limits.rows]), column]), b_ub=-sides, bounds=ends, options=seconds)
        return ProgramSolution(found.fun, found.x, -found.ineqlin.marginals) if found.status == 0 else ProgramSolution(-np.inf, None, sides)

    if len(limits.offsets):
        # How far the limits can be met at all.
        empty = solved(np.zeros((0, features)), np.zeros(0), 1.0)
        if empty.least > 0:
            each = torch.full_like(c[:, :1], 1.0 / c.shape[1])
            # As large as it takes to lift the bound.
            tried = (_bound(network, region, boxes, each, limits, factor * empty.multipliers) for factor in 10.0 ** np.arange(0, 13, 2))
            return next((bound for bound in tried if bound > 0), -np.inf), None
    found = solved(cost, offset, 0.0)
    if found.x is None:
        return -np.inf, None
    shares = np.maximum(found.multipliers[: len(offset)], 0.0)
    mixed = torch.from_numpy(shares / max(shares.sum(), 1e-9))[None, None]
    point = torch.from_numpy(found.x[:-1]).reshape(network.nodes[0].shape)
    return _bound(network, region, boxes, mixed, limits, found.multipliers[len(offset) :]), point


Matrix = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


class ProgramSolution(NamedTuple):
    """The least value of a program, where it is, and the multipliers of its rows."""

    least: float
    x: Matrix | None
    multipliers: Matrix


class _Limits(NamedTuple):
    """rows x + offsets <= 0 for every cut, and where each stands: node, unit, and 1 for a least value, -1 for a greatest."""

    rows: Matrix
    offsets: Matrix
    places: list[tuple[int, Tensor, float]]


def _limits(network: Network, region: Region, boxes: Sequence[Box], root: Mapping[int, Box]) -> _Limits:
    rows, offsets = [np.zeros((0, region.box.low.numel()))], [np.zeros(0)]
    places: list[tuple[int, Tensor, float]] = []
    for k, whole in root.items():
        for sign, end, before in ((1.0, boxes[k].low, whole.low), (-1.0, boxes[k].high, whole.high)):
            units = (end != before).flatten().nonzero()[:, 0]
            if not len(units):
                continue
            c = torch.zeros(1, len(units), end.numel(), dtype=torch.float64)
            c[0, torch.arange(len(units)), units] = -sign
            found = lower_bounds(network, region, boxes, c.reshape(1, len(units), *end.shape[1:]), at=k, margin=False)
            rows.append(found.rows[0].flatten(1).numpy())
            offsets.append((found.least - region.least(found.rows))[0].numpy() + sign * end.flatten()[units].numpy())
            places.append((k, units, sign))
    return _Limits(np.vstack(rows), np.concatenate(offsets), places)


def _bound(network: Network, region: Region, boxes: Sequence[Box], c: Tensor, limits: _Limits, multipliers: Matrix) -> float:
    pulls: dict[int, Box] = {}
    start = 0
    for k, units, sign in limits.places:
        if k not in pulls:
            pulls[k] = Box(*(torch.zeros_like(boxes[k].low)[:, None] for _ in range(2)))
        end = pulls[k].low if sign > 0 else pulls[k].high
        end.flatten()[units] = torch.from_numpy(np.maximum(multipliers[start : start + len(units)], 0.0))
        start += len(units)
    return float(lower_bounds(network, region, boxes, c, pulls=pulls).least)
