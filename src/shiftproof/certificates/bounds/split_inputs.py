"""Branch and bound over the inputs: boxes are halved until bounds decide each, many at a time. For few inputs (ACAS Xu has 5)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from shiftproof.certificates.bounds.attack import sharpened
from shiftproof.certificates.bounds.backward import lower_bounds
from shiftproof.certificates.bounds.branch_stack import Stack
from shiftproof.certificates.bounds.branching import Branching
from shiftproof.certificates.bounds.deadline import Deadline
from shiftproof.certificates.bounds.layers import Box
from shiftproof.certificates.bounds.network import Network
from shiftproof.certificates.bounds.propagate import intervals
from shiftproof.certificates.bounds.query import Query, Referee
from shiftproof.certificates.bounds.region import Region

BATCH = 128
SHARPENED, STEPS, REACH = 8, 8, 4.0
"""Points of each batch that are moved by gradients, how many times, and the sides of the boxes that they stay in, over those of their parts:
a tenth of what bounding the batch costs."""


@dataclass(frozen=True, eq=False)
class _Pool:
    """Boxes that wait, with the intervals of curved nodes that hold on the box they were cut from, and the bound of that box."""

    low: Tensor
    high: Tensor
    known: dict[int, Box]
    bound: Tensor

    def __len__(self) -> int:
        return len(self.low)

    def at(self, rows: Tensor) -> _Pool:
        known = {k: box.at(rows) for k, box in self.known.items()}
        return _Pool(self.low[rows], self.high[rows], known, self.bound[rows])

    def with_(self, other: _Pool) -> _Pool:
        known = {k: self.known[k].with_(box) for k, box in other.known.items()}
        low, high = torch.cat([self.low, other.low]), torch.cat([self.high, other.high])
        return _Pool(low, high, known, torch.cat([self.bound, other.bound]))


class InputBranching(Branching):
    """Halves boxes along the input that moves the bound most, many boxes at a time.

    Args:
        network: in exact arithmetic.
        query: the box and its cases.
        referee: checks counterexamples.

    Guarantees:
        Without a counterexample and with nothing waiting, no input of the box makes any case happen.
    """

    how = "branch and bound over the inputs"

    def __init__(self, network: Network, query: Query, referee: Referee) -> None:
        self._network, self._query, self._referee = network, query, referee
        self._pool = Stack(_Pool(query.box.low, query.box.high, {}, torch.full((1,), -torch.inf, dtype=torch.float64)))
        self.explored, self.stuck = 0, 0

    @property
    def waiting(self) -> int:
        return len(self._pool)

    def run(self, deadline: Deadline) -> Tensor | None:
        while len(self._pool) and not deadline.over:
            found = self._step(self._pool.pop(BATCH), deadline)
            if found is not None:
                return found
        return None

    def _step(self, batch: _Pool, deadline: Deadline) -> Tensor | None:
        """Bounds these boxes, and halves those that are open."""
        self.explored += len(batch)
        region = Region(Box(batch.low, batch.high))
        query = self._query
        with torch.no_grad():
            boxes = intervals(self._network, region, known=batch.known, stop=lambda: deadline.over)
            found = lower_bounds(self._network, region, boxes, query.weights.expand(len(batch), *query.weights.shape))
        margin = found.least - query.bounds
        case = query.by_case(margin)
        open_ = (~(case > 0).all(1)).nonzero()[:, 0]
        if not len(open_):
            return None
        part = batch.at(open_)
        known = {k: boxes[k].at(open_) for k in self._network.curved}
        children = _halved(part, known, found.rows[open_], margin[open_], case[open_], query)
        while len(children) + len(self._pool) < BATCH // 2:  # while there are few, each is cut further
            children = _halved_again(children)
        self._pool.push(children)
        points = _candidates(part, found.rows[open_], margin[open_])
        bad = self._referee.first(points, query)
        return bad if bad is not None else self._referee.first(self._near(part, points), query)

    def _near(self, part: _Pool, points: Tensor) -> Tensor:
        """What a few gradient steps make of the most promising points, each in a box around it that is larger than its part."""
        box = self._query.box
        reach = torch.cat([part.high - part.low] * 2) * (REACH / 2)
        around = Box(torch.maximum(points - reach, box.low), torch.minimum(points + reach, box.high))
        return sharpened(self._network, around, self._query.excess, points, most=SHARPENED, steps=STEPS)


def _candidates(part: _Pool, rows: Tensor, margin: Tensor) -> Tensor:
    """The corner at which the lowest spec's linear bound is least, and the middle of each box."""
    worst = margin.argmin(1)
    slope = rows[torch.arange(len(rows)), worst]
    corner = torch.where(slope > 0, part.low, part.high)
    return torch.cat([corner, (part.low + part.high) / 2])


def _halved(part: _Pool, known: dict[int, Box], rows: Tensor, margin: Tensor, case: Tensor, query: Query) -> _Pool:
    """Two children of each box, cut where the rows of its open cases say that the bound gains most."""
    best = margin >= case[:, query.owner]  # of each case the row that is nearest to excluding it
    counts = best & (case[:, query.owner] <= 0)
    weight = (rows.abs() * counts.reshape(*counts.shape, *[1] * (rows.dim() - 2))).sum(1)
    gain = (weight * (part.high - part.low)).flatten(1)
    width = (part.high - part.low).flatten(1)
    axis = torch.where(gain.amax(1) > 0, gain.argmax(1), width.argmax(1))
    bound = case.amin(1)
    return _cut(_Pool(part.low, part.high, known, bound), axis)


def _halved_again(pool: _Pool) -> _Pool:
    return _cut(pool, (pool.high - pool.low).flatten(1).argmax(1))


def _cut(pool: _Pool, axis: Tensor) -> _Pool:
    middle = ((pool.low + pool.high) / 2).flatten(1).gather(1, axis[:, None])
    upper_low = pool.low.flatten(1).scatter(1, axis[:, None], middle).reshape(pool.low.shape)
    lower_high = pool.high.flatten(1).scatter(1, axis[:, None], middle).reshape(pool.high.shape)
    lower = _Pool(pool.low, lower_high, pool.known, pool.bound)
    return lower.with_(_Pool(upper_low, pool.high, pool.known, pool.bound))
