"""The order of work on a property: a gradient search for violations, bounds on whole boxes, then branch and bound until the time ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from shiftproof.certificates.bounds.attack import descend
from shiftproof.certificates.bounds.backward import lower_bounds
from shiftproof.certificates.bounds.branching import Branching
from shiftproof.certificates.bounds.deadline import Deadline
from shiftproof.certificates.bounds.layers import Box, numel
from shiftproof.certificates.bounds.network import Network
from shiftproof.certificates.bounds.propagate import ENTRIES, intervals
from shiftproof.certificates.bounds.query import Query, Referee
from shiftproof.certificates.bounds.region import Region
from shiftproof.certificates.bounds.slope_optimisation import SlopeAscent
from shiftproof.certificates.bounds.split_inputs import InputBranching
from shiftproof.certificates.bounds.split_units import UnitBranching

FEW = 16
"""Up to this number of inputs that are not fixed, boxes are split; above it, units."""


@dataclass(frozen=True, eq=False)
class Decision:
    """What came of all queries.

    Args:
        reason: what decided, or why nothing did.
        explored: parts that were bounded.
        open: whether something is undecided.
        counterexample: an input that violates `query`, (*shape); None where none was found.
        query: whose counterexample it is.
    """

    reason: str
    explored: int
    open: bool
    counterexample: Tensor | None = None
    query: Query | None = None


def decide(network: Network, todo: Sequence[Query], referee: Referee, deadline: Deadline, seed: int) -> Decision:
    """Decides every query, or stops at the first counterexample.

    Args:
        network: in exact arithmetic.
        todo: the queries of a property.
        referee: checks counterexamples.
        deadline: when all of it ends at the latest.
        seed: of the search by gradients.
    """
    begun: list[tuple[_Start, Query]] = []
    for place, query in enumerate(todo):
        if place and deadline.over:
            break
        start = _Start(network, query, referee, deadline.share(1 / (len(todo) - place)), seed)
        begun.append((start, query))
        if start.counterexample is not None:
            return Decision("a gradient search found it", _explored(begun), False, start.counterexample, query)
    running = [(search, query) for start, query in begun for search in start.searches]
    every = [search for search, _ in running]
    while running and not deadline.over:
        for place, (search, query) in enumerate(running):
            bad = search.run(deadline.share(1 / (len(running) - place)))
            if bad is not None:
                return Decision(f"{search.how} found it", _explored(begun), False, bad, query)
        running = [(search, query) for search, query in running if search.waiting]
    reason = _why_open(every, sum(start.unbounded for start, _ in begun), len(todo) - len(begun), len(todo))
    explored = _explored(begun)
    return Decision(reason or f"bounds exclude every case on {explored} parts of the inputs", explored, bool(reason))


def _explored(begun: Sequence[tuple[_Start, Query]]) -> int:
    return sum(start.explored + sum(search.explored for search in start.searches) for start, _ in begun)


def _why_open(searches: Sequence[Branching], unbounded: int, unseen: int, boxes: int) -> str:
    waiting, stuck = sum(search.waiting for search in searches), sum(search.stuck for search in searches)
    reasons = (
        (waiting + unbounded, f"the time ended with {waiting + unbounded} parts undecided"),
        (unseen, f"the time ended before {unseen} of {boxes} boxes of the property were bounded"),
        (stuck, f"on {stuck} parts the scores are too close to the property's limit for this precision, which more time does not change"),
    )
    return "; ".join(text for count, text in reasons if count)


class _Start:
    """The work on one query before branch and bound, and the searches that go on from there: `unbounded` cases had no time for theirs."""

    def __init__(self, network: Network, query: Query, referee: Referee, deadline: Deadline, seed: int) -> None:
        self._network, self._query, self._referee, self._deadline = network, query, referee, deadline
        self._generator = torch.Generator().manual_seed(seed)
        self.explored, self.unbounded = 0, 0
        self.searches: list[Branching] = []
        self.counterexample = self._attack(0.2, 32, 30)
        if self.counterexample is not None:
            return
        if query.dimensions > FEW:
            self._bound()
            return
        self.counterexample = self._attack(0.2, 256, 100)
        if self.counterexample is None:
            self.searches.append(InputBranching(network, query, referee))

    def _attack(self, share: float, starts: int, steps: int) -> Tensor | None:
        until = self._deadline.share(share)
        values = sum(numel(node.shape) for node in self._network.nodes) * self._query.cases
        starts = max(1, min(starts, ENTRIES // values))
        points = descend(
            self._network, self._query.box, self._query.excess, generator=self._generator, starts=starts, steps=steps, deadline=until
        )
        return self._referee.first(points, self._query)

    def _bound(self) -> None:
        """Bounds on the whole box, refined where they do not suffice; the cases that are left, each with its own search."""
        network, query = self._network, self._query
        region, asked = Region(query.box), network.then(query.weights, -query.bounds)
        rows = torch.eye(len(query.weights), dtype=torch.float64)[None]
        with torch.no_grad():
            boxes = intervals(asked, region, stop=lambda: self._deadline.over)
            margin = lower_bounds(asked, region, boxes, rows).least
        self.explored = 1
        if self._open(margin):
            self.counterexample = self._attack(0.15, 128, 100)
            if self.counterexample is not None:
                return
            boxes = _refined(asked, region, boxes, self._deadline.share(0.3))
            ascent = SlopeAscent(steps=30, step_size=0.25, until=self._deadline.share(0.2))
            margin = torch.maximum(margin, ascent(asked, region, boxes, rows).least)
        # The nearest to being proven first: what is easy is done before the time is spent.
        cases = sorted(self._open(margin), key=lambda each: -float(query.by_case(margin)[0, each]))
        for place, case in enumerate(cases):
            if self._deadline.over:
                self.unbounded = len(cases) - place
                break
            until = self._deadline.share(0.2)
            self.searches.append(UnitBranching(network, query.only(case), self._referee, boxes, until=until))

    def _open(self, margin: Tensor) -> list[int]:
        return [int(case) for case in (~(self._query.by_case(margin)[0] > 0)).nonzero()[:, 0]]


def _refined(network: Network, region: Region, boxes: list[Box], until: Deadline) -> list[Box]:
    """Intervals from optimised passes, each layer on those of the layers before."""
    ascent = SlopeAscent(steps=15, step_size=0.25, until=until)
    known = {k: boxes[k] for k in network.curved}

    def bounder(network: Network, region: Region, boxes: list[Box], c: Tensor, at: int) -> Tensor:
        return ascent(network, region, boxes, c, at=at).least

    return intervals(network, region, bounder=bounder, known=known, stop=lambda: until.over)
