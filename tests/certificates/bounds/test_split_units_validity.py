"""Branch and bound over units never excludes a violation that is there: planted ones, for every curve and for conjunctions of rows."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from bound_nets import mlp, settled
from shiftproof.certificates.bounds.attack import descend
from shiftproof.certificates.bounds.deadline import Deadline
from shiftproof.certificates.bounds.layers import Box
from shiftproof.certificates.bounds.network import Network
from shiftproof.certificates.bounds.propagate import intervals
from shiftproof.certificates.bounds.query import Query, Referee
from shiftproof.certificates.bounds.read_torch import read_torch
from shiftproof.certificates.bounds.region import Region
from shiftproof.certificates.bounds.split_units import UnitBranching, UnitParts

FEATURES, CLASSES, EPS = 18, 3, 0.25
ROWS = torch.tensor([[1.0, -1.0, 0.0], [0.0, -1.0, 1.0]], dtype=torch.float64)


class Pooled(nn.Module):
    """A convolution and a max pooling, between flat inputs and scores."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(2, 3, 2), nn.MaxPool2d(2, 1), nn.Flatten())
        self.last = nn.Linear(3, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.last(torch.tanh(self.first(x.reshape(-1, 2, 3, 3))))
        return scores


NETS: dict[str, Callable[[], nn.Module]] = {
    "relu": lambda: mlp(FEATURES, 10, 8, CLASSES),
    "tanh": lambda: mlp(FEATURES, 6, 4, CLASSES, curve=nn.Tanh),
    "sigmoid": lambda: mlp(FEATURES, 6, 4, CLASSES, curve=nn.Sigmoid),
    "max_pool": Pooled,
}


@dataclass(frozen=True)
class Case:
    """A network, a box, rows that are to be at most a limit together, and the least limit at which an attack makes them so."""

    network: Network
    box: Box
    rows: Tensor
    reached: float

    def asked(self, limit: float) -> Query:
        return Query(self.box, self.rows, torch.full((len(self.rows),), limit, dtype=torch.float64), torch.zeros(len(self.rows)).long(), 1)


def case(kind: str, seed: int, rows: int) -> Case:
    net = settled(NETS[kind](), seed)
    network = read_torch(net, (FEATURES,)).exact()
    x = torch.rand(1, FEATURES, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    one = Case(network, Box(x - EPS, x + EPS), ROWS[:rows], 0.0)
    found = descend(network, one.box, one.asked(0.0).excess, generator=torch.Generator().manual_seed(0), starts=64, steps=60)
    with torch.no_grad():
        return Case(network, one.box, one.rows, float(one.asked(0.0).excess(network(found)).min()))


def left(one: Case, limit: float, ticks: int) -> int:
    """Parts that are undecided when so many looks at the clock have passed, candidates left unheard."""
    query = one.asked(limit)
    network = one.network.then(query.weights, -query.bounds)
    referee = Referee(one.network, lambda x: torch.full((len(x), CLASSES), torch.nan))
    with torch.no_grad():
        boxes = intervals(network, Region(one.box))
    search = UnitBranching(one.network, query, referee, boxes)
    count = itertools.count()
    assert search.run(Deadline(ticks, lambda: float(next(count)))) is None
    return search.waiting + search.stuck


KINDS = list(itertools.product(NETS, (1, 2)))


@pytest.mark.parametrize(("kind", "rows"), KINDS)
def test_a_planted_violation_is_never_excluded(kind: str, rows: int) -> None:
    proven = 0
    for seed in range(2):
        one = case(kind, seed, rows)
        assert left(one, one.reached + 1e-4, 60) > 0, f"seed {seed}: a violation that exists was excluded"
        proven += left(one, one.reached - 0.3, 120) == 0
    assert proven, "else nothing is proven, and the test above says little"


def test_a_cut_that_loses_inputs_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this the test above would be none."""
    cut = UnitParts.cut
    monkeypatch.setattr(UnitParts, "cut", lambda self, node, unit, place: cut(self, node, unit, place).at(torch.arange(len(self))))
    ones = [case(kind, seed, rows) for kind, rows in KINDS for seed in range(2)]
    assert any(left(one, one.reached + 1e-4, 60) == 0 for one in ones)


@pytest.mark.slow
def test_no_planted_violation_of_many_networks_is_excluded() -> None:
    wrong = [
        (kind, rows, seed)
        for (kind, rows), seed in itertools.product(KINDS, range(40))
        if left(one := case(kind, seed, rows), one.reached + 1e-4, 200) == 0
    ]
    assert wrong == []
