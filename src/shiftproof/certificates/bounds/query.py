"""A property as queries to a network: boxes of inputs, each with its forbidden cases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from shiftproof._errors import UsageError
from shiftproof.certificates.bounds.layers import Box, numel
from shiftproof.certificates.bounds.network import Network
from shiftproof.certificates.bounds.vnnlib import Case, Property


@dataclass(frozen=True, eq=False)
class Query:
    """One box and its cases. A case happens at scores y where every row w of its own has w y <= bound.

    Args:
        box: (1, *shape).
        weights: the rows of all cases, (specs, classes).
        bounds: (specs,).
        owner: the case of each row, (specs,).
        cases: how many there are.
    """

    box: Box
    weights: Tensor
    bounds: Tensor
    owner: Tensor
    cases: int

    def by_case(self, values: Tensor) -> Tensor:
        """The greatest of each case's values, (n, specs) to (n, cases); -inf for a case without rows, which always happens."""
        empty = torch.full((len(values), self.cases), -torch.inf, dtype=values.dtype, device=values.device)
        return empty.scatter_reduce(1, self.owner.expand(len(values), -1), values, "amax", include_self=True)

    def excess(self, scores: Tensor) -> Tensor:
        """How far scores (n, classes) are from each case, (n, cases): <= 0 iff it happens."""
        return self.by_case(scores.double() @ self.weights.T - self.bounds)

    def only(self, case: int) -> Query:
        """The same with one case."""
        mine = self.owner == case
        return Query(self.box, self.weights[mine], self.bounds[mine], torch.zeros_like(self.owner[mine]), 1)

    @cached_property
    def dimensions(self) -> int:
        """Inputs that are not fixed."""
        return int((self.box.high > self.box.low).sum())


def queries(network: Network, property_: Property) -> list[Query]:
    """One query for each different box of a property.

    Raises:
        UsageError: the property is about another number of inputs or scores.
    """
    shape, classes = network.nodes[0].shape, numel(network.nodes[-1].shape)
    for what, have, want in (("inputs", property_.inputs, numel(shape)), ("scores", property_.outputs, classes)):
        if have != want:
            raise UsageError(f"The property '{property_.name}' is about {have} {what}, and the network has {want}.")
    grouped: dict[tuple[tuple[float, ...], tuple[float, ...]], list[Case]] = {}
    for case in property_.cases:
        grouped.setdefault((case.low, case.high), []).append(case)
    return [_query(low, high, cases, shape, classes) for (low, high), cases in grouped.items()]


def _query(low: Sequence[float], high: Sequence[float], cases: Sequence[Case], shape: tuple[int, ...], classes: int) -> Query:
    box = Box(*(torch.tensor(end, dtype=torch.float64).reshape(1, *shape) for end in (low, high)))
    rows = [(row, bound, place) for place, case in enumerate(cases) for row, bound in zip(case.weights, case.bounds, strict=True)]
    weights = torch.tensor([row for row, _, _ in rows], dtype=torch.float64).reshape(len(rows), classes)
    bounds = torch.tensor([bound for _, bound, _ in rows], dtype=torch.float64)
    return Query(box, weights, bounds, torch.tensor([place for _, _, place in rows], dtype=torch.int64), len(cases))


Scorer = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Referee:
    """Says whether inputs violate a query, on the network in float64 and, where there is one, in the runtime that people use."""

    network: Network
    runtime: Scorer | None = None

    def settled(self, x: Tensor, box: Box) -> Tensor:
        """The nearest inputs that float32 can hold, inside the box where it holds any there."""
        near = x.float()
        up = torch.nextafter(near, torch.full_like(near, torch.inf))
        down = torch.nextafter(near, torch.full_like(near, -torch.inf))
        near = torch.where((near.double() < box.low) & (up.double() <= box.high), up, near)
        near = torch.where((near.double() > box.high) & (down.double() >= box.low), down, near)
        return near.double()

    def first(self, x: Tensor, query: Query) -> Tensor | None:
        """The first of these inputs, (m, *shape), that violates the query by all accounts, (*shape); None where none does."""
        if not len(x):
            return None
        x = self.settled(x, query.box)
        with torch.no_grad():
            ours = query.excess(self.network(x))
            rows = (ours <= 0).any(1).nonzero()[:, 0]
            for row in rows.tolist():
                if self.runtime is None or bool((query.excess(self.runtime(x[row : row + 1].float())) <= 0).any()):
                    found: Tensor = x[row]
                    return found
        return None
