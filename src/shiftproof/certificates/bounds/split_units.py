"""Branch and bound over units: the interval of a curve's input is cut in two, a ReLU's at 0: on in one part, off in the other.

For many inputs. Parts are bounded with multipliers of their cuts (beta-CROWN, Wang et al. 2021 [wang2021beta]; for other curves as in
Shi et al. 2025 [shi2025neural]), many at a time; which unit to cut is found by trying the few that promise most (filtered smart branching,
De Palma et al. 2021 [depalma2021improved]).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from shiftproof.certificates.bounds.backward import Linearised, lower_bounds
from shiftproof.certificates.bounds.branch_stack import Stack
from shiftproof.certificates.bounds.branching import Branching
from shiftproof.certificates.bounds.deadline import NEVER, Deadline
from shiftproof.certificates.bounds.layers import Box, numel
from shiftproof.certificates.bounds.leaf_bound import leaf_bound
from shiftproof.certificates.bounds.network import Network
from shiftproof.certificates.bounds.nonlinear_layers import Relu
from shiftproof.certificates.bounds.propagate import ENTRIES
from shiftproof.certificates.bounds.query import Query, Referee
from shiftproof.certificates.bounds.region import Region
from shiftproof.certificates.bounds.slope_optimisation import SlopeAscent
from shiftproof.certificates.bounds.split_scores import promising

BATCH = 128
_NARROW = 16
"""With fewer parts than this in hand each is cut further before it is bounded."""
_ASCENT = SlopeAscent(steps=10, step_size=0.1, enough=0.0)


@dataclass(frozen=True, eq=False)
class UnitParts:
    """Parts of the region, one row each: intervals of curved nodes, choices of lines and multipliers by node, rows' shares, and bounds."""

    boxes: dict[int, Box]
    choices: dict[int, Tensor]
    weights: dict[int, Box]
    shares: Tensor
    bound: Tensor

    def __len__(self) -> int:
        return len(self.bound)

    def at(self, rows: Tensor) -> UnitParts:
        boxes, weights = ({k: box.at(rows) for k, box in each.items()} for each in (self.boxes, self.weights))
        return UnitParts(boxes, {k: v[rows] for k, v in self.choices.items()}, weights, self.shares[rows], self.bound[rows])

    def with_(self, other: UnitParts) -> UnitParts:
        boxes, weights = ({k: a[k].with_(b[k]) for k in a} for a, b in ((self.boxes, other.boxes), (self.weights, other.weights)))
        choices = {k: torch.cat([v, other.choices[k]]) for k, v in self.choices.items()}
        shares, bound = torch.cat([self.shares, other.shares]), torch.cat([self.bound, other.bound])
        return UnitParts(boxes, choices, weights, shares, bound)

    def cut(self, node: Tensor, unit: Tensor, place: Tensor) -> UnitParts:
        """The upper and the lower part of each, cut at `place` of a unit of a node; all (n,). The upper parts come first."""
        upper, lower = ({k: Box(box.low.clone(), box.high.clone()) for k, box in self.boxes.items()} for _ in range(2))
        for k in self.boxes:
            rows = (node == k).nonzero()[:, 0]
            upper[k].low.flatten(1)[rows, unit[rows]] = place[rows]
            lower[k].high.flatten(1)[rows, unit[rows]] = place[rows]
        both = [UnitParts(boxes, self.choices, self.weights, self.shares, self.bound) for boxes in (upper, lower)]
        return both[0].with_(both[1])


class UnitBranching(Branching):
    """Proves or refutes one case of any number of rows, part by part. All rows must happen together, so a part is excluded by any mixture.

    Args:
        network: in exact arithmetic.
        query: the box and one case.
        referee: checks counterexamples.
        boxes: intervals of every node on the box, the scores included.
        ascent: how each part's bound is optimised.
        until: when the first bound is ready at the latest.

    Guarantees:
        Without a counterexample and with no part left, no input of the box makes the case happen. A part of a network of ReLUs in which no
        unit is open is decided by a linear program, but for values within its tolerance of the limit; such a part counts as stuck.
    """

    how = "branch and bound over the units"

    def __init__(
        self, network: Network, query: Query, referee: Referee, boxes: list[Box], *, ascent: SlopeAscent = _ASCENT, until: Deadline = NEVER
    ) -> None:
        self._network = network.then(query.weights, -query.bounds)
        self._query, self._referee, self._root, self._ascent = query, referee, boxes, ascent
        self._relus = all(isinstance(curve, Relu) for curves in network.curved.values() for curve in curves)
        self._batch = max(1, min(BATCH, ENTRIES // (2 * sum(numel(node.shape) for node in network.nodes))))
        self._narrow = min(_NARROW, self._batch)
        self.explored, self.stuck = 1, 0
        rows = len(query.weights)
        with torch.no_grad():
            each = lower_bounds(self._network, self._region(1), boxes, torch.eye(rows, dtype=torch.float64)[None]).least[0]
        shares = (torch.eye(rows, dtype=torch.float64)[each.argmax()] + torch.full((rows,), 1.0 / rows, dtype=torch.float64)) / 2
        curved = {k: boxes[k] for k in network.curved}
        begun = UnitParts(curved, {}, {}, shares[None, None], torch.full((1,), -torch.inf, dtype=torch.float64))
        first, _ = self._bounded(begun, until)
        self._waiting = Stack(first.at((first.bound <= 0).nonzero()[:, 0]))

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def run(self, deadline: Deadline) -> Tensor | None:
        found: Tensor | None = None
        while found is None and len(self._waiting) and not deadline.over:
            batch = self._waiting.pop(self._batch)
            node, unit = self._chosen(batch, deadline)
            found = self._settled(batch.at((node < 0).nonzero()[:, 0]), deadline)
            go = (node >= 0).nonzero()[:, 0]
            if found is None and len(go):
                found = self._split(batch.at(go), node[go], unit[go], deadline)
        return found

    def _split(self, parts: UnitParts, node: Tensor, unit: Tensor, deadline: Deadline) -> Tensor | None:
        """Cuts these parts at these units."""
        children = parts.cut(node, unit, self._places(parts, node, unit))
        while len(children) + len(self._waiting) < self._narrow and not deadline.over:  # a pass costs much the same for few as for one
            node, unit = self._chosen(children, deadline)
            if bool((node < 0).any()):
                break
            children = children.cut(node, unit, self._places(children, node, unit))
        self.explored += len(children)
        children, points = self._bounded(children, deadline)
        self._waiting.push(children.at((children.bound <= 0).nonzero()[:, 0]))
        return self._referee.first(points, self._query)

    def _settled(self, parts: UnitParts, deadline: Deadline) -> Tensor | None:
        """Decides parts without an open unit, one by one."""
        for place in range(len(parts)):
            if deadline.over:
                self._waiting.push(parts.at(torch.arange(place, len(parts))))
                break
            bad = self._leaf(parts.at(torch.tensor([place])), deadline)
            if bad is not None:
                return bad
        return None

    def _region(self, n: int) -> Region:
        return Region(self._query.box.expand(n))

    def _intervals(self, parts: UnitParts) -> list[Box]:
        return [parts.boxes[k] if k in parts.boxes else box.expand(len(parts)) for k, box in enumerate(self._root)]

    def _leaf(self, part: UnitParts, deadline: Deadline) -> Tensor | None:
        if not self._relus:
            self.stuck += 1
            return None
        with torch.no_grad():
            root = {k: self._root[k] for k in part.boxes}
            bound, point = leaf_bound(self._network, self._region(1), self._intervals(part), root, deadline)
        bad = None if point is None else self._referee.first(point[None], self._query)
        if bad is None and not bound > 0:
            if deadline.over:
                self._waiting.push(part)
            else:
                self.stuck += 1
        return bad

    def _bounded(self, parts: UnitParts, deadline: Deadline) -> tuple[UnitParts, Tensor]:
        """The parts with optimised bounds, and the minimisers of those bounds as candidates."""
        region, boxes = self._region(len(parts)), self._intervals(parts)
        ascent = self._ascent.by(deadline)
        cut = {k: Box((box.low > self._root[k].low).double(), (box.high < self._root[k].high).double()) for k, box in parts.boxes.items()}
        mixed = parts.shares.shape[-1] > 1
        found = ascent(self._network, region, boxes, parts.shares, start=parts.choices, cut=cut, weights=parts.weights, mixed=mixed)
        with torch.no_grad():
            slope = lower_bounds(self._network, region, boxes, found.rows, choices=found.choices, pulls=found.weights).rows[:, 0]
        points = torch.where(slope > 0, self._query.box.low, self._query.box.high)
        choices = {**parts.choices, **found.choices}
        bound = torch.maximum(found.least[:, 0], parts.bound)  # a part lies in its parent, so its bound holds here too
        return UnitParts(parts.boxes, choices, found.weights, found.rows, bound), points

    def _places(self, parts: UnitParts, node: Tensor, unit: Tensor) -> Tensor:
        place = torch.zeros(len(parts), dtype=torch.float64)
        for k, box in parts.boxes.items():
            rows = (node == k).nonzero()[:, 0]
            if len(rows):
                place[rows] = self._network.curved[k][0].cut(box.at(rows)).flatten(1).gather(1, unit[rows][:, None])[:, 0]
        return place

    def _quick(self, parts: UnitParts) -> Linearised:
        """Bounds with the parts' own choices and multipliers, rounding left out."""
        region, boxes = self._region(len(parts)), self._intervals(parts)
        return lower_bounds(self._network, region, boxes, parts.shares, choices=parts.choices, pulls=parts.weights, margin=False)

    def _chosen(self, parts: UnitParts, deadline: Deadline) -> tuple[Tensor, Tensor]:
        """The node and unit to cut in each part, -1 where none is open."""
        n = len(parts)
        best = torch.full((n,), -torch.inf, dtype=torch.float64)
        node, unit = torch.full((n,), -1), torch.full((n,), -1)
        with torch.no_grad():
            after = self._quick(parts).after
            for k, u, ok in promising(self._network, self._intervals(parts), after, parts.choices):
                if deadline.over and bool((node >= 0).any()):
                    break
                children = parts.cut(k, u, self._places(parts, k, u))
                least = self._quick(children).least[:, 0]
                on, off = least[:n], least[n:]
                gain = torch.minimum(on, off) + 0.1 * torch.maximum(on, off).clamp_max(0)
                better = ok & (gain > best)
                best, node, unit = torch.where(better, gain, best), torch.where(better, k, node), torch.where(better, u, unit)
        return node, unit
