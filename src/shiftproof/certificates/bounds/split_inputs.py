"""Branch and bound over the inputs: boxes are halved until bounds decide each, many at a time. For few inputs (ACAS Xu has 5)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from shiftproof.certificates.bounds.backward import lower_bounds
from shiftproof.certificates.bounds.branch_stack import Stack
from shiftproof.certificates.bounds.deadline import Deadline
from shiftproof.certificates.bounds.layers import Box
from shiftproof.certificates.bounds.network import Network
from shiftproof.certificates.bounds.propagate import intervals
from shiftproof.certificates.bounds.query import Query, Referee
from shiftproof.certificates.bounds.region import Region

BATCH = 128


@dataclass(frozen=True)
class Searched:
    """What branch and bound came to: a counterexample, or how many parts were looked at and how many are left undecided."""

    counterexample: Tensor | None
    explored: int
    left: int


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
        known = {
            k: Box(torch.cat([self.known[k].low, box.low]), torch.cat([self.known[k].high, box.high])) for k, box in other.known.items()
        }
        low, high = torch.cat([self.low, other.low]), torch.cat([self.high, other.high])
        return _Pool(low, high, known, torch.cat([self.bound, other.bound]))


def split_inputs(network: Network, query: Query, referee: Referee, *, deadline: Deadline) -> Searched:
    """Halves boxes along the input that moves the bound most, many boxes at a time.

    Args:
        network: in exact arithmetic.
        query: the box and its cases.
        referee: checks counterexamples.
        deadline: when it stops at the latest.

    Guarantees:
        Without a counterexample and with nothing left, no input of the box makes any case happen.
    """
    pool = Stack(_Pool(query.box.low, query.box.high, {}, torch.full((1,), -torch.inf, dtype=torch.float64)))
    explored = 0
    while len(pool) and not deadline.over:
        batch = pool.pop(BATCH)
        explored += len(batch)
        region = Region(Box(batch.low, batch.high))
        with torch.no_grad():
            boxes = intervals(network, region, known=batch.known)
            c = query.weights.expand(len(batch), *query.weights.shape)
            found = lower_bounds(network, region, boxes, c)
        margin = found.least - query.bounds
        case = query.by_case(margin)
        open_ = (~(case > 0).all(1)).nonzero()[:, 0]
        if not len(open_):
            continue
        part = batch.at(open_)
        points = _candidates(part, found.rows[open_], margin[open_])
        bad = referee.first(points, query)
        if bad is not None:
            return Searched(bad, explored, len(pool) + len(open_))
        known = {k: boxes[k].at(open_) for k in network.curved}
        children = _halved(part, known, found.rows[open_], margin[open_], case[open_], query)
        while len(children) + len(pool) < BATCH // 2:  # while there are few, each is cut further
            children = _halved_again(children)
        pool.push(children)
    return Searched(None, explored, len(pool))


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
