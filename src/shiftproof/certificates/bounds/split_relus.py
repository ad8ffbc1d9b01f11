"""Branch and bound over ReLUs: a unit of unknown sign is active in one part and inactive in the other. For many inputs.

Parts are bounded with their constraints' multipliers (beta-CROWN, Wang et al. 2021 [wang2021beta]), many at a time; which unit to split is
found by trying the few that promise most (filtered smart branching, De Palma et al. 2021 [depalma2021improved]).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from shiftproof.certificates.bounds.backward import lower_bounds
from shiftproof.certificates.bounds.branch_stack import Stack
from shiftproof.certificates.bounds.deadline import Deadline
from shiftproof.certificates.bounds.layers import Box
from shiftproof.certificates.bounds.leaf_bound import leaf_bound
from shiftproof.certificates.bounds.network import Network
from shiftproof.certificates.bounds.nonlinear_layers import Relu
from shiftproof.certificates.bounds.query import Query, Referee
from shiftproof.certificates.bounds.region import Region
from shiftproof.certificates.bounds.slope_optimisation import SlopeAscent
from shiftproof.certificates.bounds.split_inputs import Searched

BATCH = 128
_TRIED = 3
"""Units tried before a part is split, by each of two scores."""


@dataclass(frozen=True, eq=False)
class _Parts:
    """Parts of the region: signs of units (0 open), choices of lines, multipliers, and bounds, all one row a part; by node."""

    signs: dict[int, Tensor]
    choices: dict[int, Tensor]
    weights: dict[int, Tensor]
    bound: Tensor

    def __len__(self) -> int:
        return len(self.bound)

    def at(self, rows: Tensor) -> _Parts:
        signs, choices, weights = ({k: v[rows] for k, v in each.items()} for each in (self.signs, self.choices, self.weights))
        return _Parts(signs, choices, weights, self.bound[rows])

    def with_(self, other: _Parts) -> _Parts:
        pairs = ((self.signs, other.signs), (self.choices, other.choices), (self.weights, other.weights))
        signs, choices, weights = ({k: torch.cat([a[k], b[k]]) for k in a} for a, b in pairs)
        return _Parts(signs, choices, weights, torch.cat([self.bound, other.bound]))


@dataclass(frozen=True, eq=False)
class _Problem:
    """One row of weights on one box, with intervals that hold everywhere on it."""

    network: Network
    box: Box
    boxes: list[Box]
    c: Tensor
    bound: Tensor

    def region(self, n: int) -> Region:
        return Region(Box(self.box.low.expand(n, *self.box.low.shape[1:]), self.box.high.expand(n, *self.box.high.shape[1:])))

    def split(self, signs: dict[int, Tensor], n: int) -> list[Box]:
        """The intervals of n parts."""
        made = [Box(box.low.expand(n, *box.low.shape[1:]), box.high.expand(n, *box.high.shape[1:])) for box in self.boxes]
        for k, sign in signs.items():
            made[k] = Box(
                torch.where(sign > 0, made[k].low.clamp_min(0), made[k].low), torch.where(sign < 0, made[k].high.clamp_max(0), made[k].high)
            )
        return made

    def rows(self, n: int) -> Tensor:
        return self.c.expand(n, 1, -1)


def relus_only(network: Network) -> bool:
    """Whether every curve is a ReLU, so that splitting them decides everything."""
    return all(isinstance(curve, Relu) for curves in network.curved.values() for curve in curves)


def split_relus(network: Network, query: Query, referee: Referee, boxes: list[Box], *, deadline: Deadline, ascent: SlopeAscent) -> Searched:
    """Proves or refutes one case of one row, part by part.

    Args:
        network: in exact arithmetic, its curves all ReLUs.
        query: the box and one case with one row.
        referee: checks counterexamples.
        boxes: intervals of every node on the box.
        deadline: when it stops at the latest.
        ascent: how each part's bound is optimised.

    Guarantees:
        As `split_inputs`. A part in which no unit is open is decided by a linear program, but for values within its tolerance of the bound;
        such a part counts as left.
    """
    problem = _Problem(network, query.box, boxes, query.weights[:1], query.bounds[0])
    signs = {k: torch.zeros(1, *network.nodes[k].shape, dtype=torch.float64) for k in network.curved}
    start = ascent(network, problem.region(1), boxes, problem.rows(1))
    parts = _Parts(
        signs, start.choices, {k: torch.zeros(1, 1, *network.nodes[k].shape, dtype=torch.float64) for k in signs}, start.least[:, 0]
    )
    explored, stuck = 1, 0
    margin = float(problem.bound)
    waiting = Stack(parts.at((parts.bound - margin <= 0).nonzero()[:, 0]))
    while len(waiting) and not deadline.over:
        batch = waiting.pop(BATCH)
        node, unit = _chosen(problem, batch, deadline)
        for row in (node < 0).nonzero()[:, 0]:
            bound, point = _leaf(problem, batch.at(row[None]))
            bad = None if point is None else referee.first(point[None], query)
            if bad is not None:
                return Searched(bad, explored, len(waiting) + 1)
            stuck += bound <= margin
        go = (node >= 0).nonzero()[:, 0]
        if not len(go):
            continue
        children = _children(batch.at(go), node[go], unit[go])
        explored += len(children)
        children, points = _bounded(problem, children, ascent)
        bad = referee.first(points, query)
        if bad is not None:
            return Searched(bad, explored, len(waiting) + len(children))
        waiting.push(children.at((children.bound - margin <= 0).nonzero()[:, 0]))
    return Searched(None, explored, len(waiting) + stuck)


def _leaf(problem: _Problem, part: _Parts) -> tuple[float, Tensor | None]:
    boxes = problem.split(part.signs, 1)
    with torch.no_grad():
        return leaf_bound(problem.network, problem.region(1), boxes, problem.rows(1), part.signs, float(problem.bound))


def _bounded(problem: _Problem, parts: _Parts, ascent: SlopeAscent) -> tuple[_Parts, Tensor]:
    """The parts with optimised bounds, and the minimisers of those bounds as candidates."""
    n = len(parts)
    boxes = problem.split(parts.signs, n)
    found = ascent(
        problem.network, problem.region(n), boxes, problem.rows(n), start=parts.choices, signs=parts.signs, weights=parts.weights
    )
    with torch.no_grad():
        pulls = {k: -found.weights[k] * sign[:, None] for k, sign in parts.signs.items()}
        last = lower_bounds(problem.network, problem.region(n), boxes, problem.rows(n), choices=found.choices, splits=pulls)
    slope = last.rows[:, 0]
    points = torch.where(slope > 0, problem.box.low, problem.box.high)
    choices = {k: found.choices.get(k, parts.choices[k]) for k in parts.choices}
    bound = torch.maximum(found.least[:, 0], parts.bound)  # a part lies in its parent, so its bound holds here too
    return _Parts(parts.signs, choices, found.weights, bound), points


def _children(parts: _Parts, node: Tensor, unit: Tensor) -> _Parts:
    both: list[_Parts] = []
    for sign in (1.0, -1.0):
        signs = {k: v.clone() for k, v in parts.signs.items()}
        for k, value in signs.items():
            rows = (node == k).nonzero()[:, 0]
            value.flatten(1)[rows, unit[rows]] = sign
        both.append(_Parts(signs, parts.choices, parts.weights, parts.bound))
    return both[0].with_(both[1])


def _chosen(problem: _Problem, parts: _Parts, deadline: Deadline) -> tuple[Tensor, Tensor]:
    """The node and unit to split in each part, -1 where none is open."""
    n = len(parts)
    candidates = _candidates(problem, parts)
    best = torch.full((n,), -torch.inf, dtype=torch.float64)
    node, unit = torch.full((n,), -1), torch.full((n,), -1)
    for k, u, ok in candidates:
        if deadline.over and bool((node >= 0).any()):
            break
        children = _children(parts, k, u)
        boxes = problem.split(children.signs, 2 * n)
        pulls = {key: -children.weights[key] * sign[:, None] for key, sign in children.signs.items()}
        with torch.no_grad():
            least = lower_bounds(
                problem.network, problem.region(2 * n), boxes, problem.rows(2 * n), choices=children.choices, splits=pulls, margin=False
            ).least[:, 0]
        on, off = least[:n], least[n:]
        top = float(problem.bound)
        gain = torch.minimum(on, off) + 0.1 * torch.maximum(on, off).clamp_max(top)
        better = ok & (gain > best)
        best, node, unit = torch.where(better, gain, best), torch.where(better, k, node), torch.where(better, u, unit)
    return node, unit


def _candidates(problem: _Problem, parts: _Parts) -> list[tuple[Tensor, Tensor, Tensor]]:
    """The units that promise most in each part: (node, unit, whether there is one), each (n,)."""
    n = len(parts)
    boxes = problem.split(parts.signs, n)
    pulls = {k: -parts.weights[k] * sign[:, None] for k, sign in parts.signs.items()}
    with torch.no_grad():
        after = lower_bounds(
            problem.network, problem.region(n), boxes, problem.rows(n), choices=parts.choices, splits=pulls, margin=False
        ).after
    scores: list[list[Tensor]] = [[], []]
    nodes: list[Tensor] = []
    for index, rows in after.items():
        k = problem.network.nodes[index].inputs[0]
        low, high = boxes[k].low.flatten(1), boxes[k].high.flatten(1)
        open_ = (low < 0) & (high > 0)
        a = rows[:, 0].flatten(1)
        height = -low * high / (high - low).clamp_min(1e-300)  # what the upper line adds at 0
        loss = a.clamp_max(0).abs() * height
        slack = a.abs() * torch.minimum(-low, high)
        for place, score in enumerate((loss, slack)):
            scores[place].append(torch.where(open_, score + 1e-12 * height, -1.0))
        nodes.append(torch.full((low.shape[1],), k))
    if not nodes:
        return []
    owner = torch.cat(nodes)
    offset = torch.cat([torch.arange(len(each)) for each in nodes])
    found: list[tuple[Tensor, Tensor, Tensor]] = []
    for each in scores:
        joined = torch.cat(each, dim=1)
        value, at = joined.topk(min(_TRIED, joined.shape[1]), dim=1)
        found += [(owner[at[:, i]], offset[at[:, i]], value[:, i] >= 0) for i in range(value.shape[1])]
    return found
