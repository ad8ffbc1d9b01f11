"""Points moved by gradients inside boxes of their own: they reach the best corner there, and branch and bound needs fewer parts."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from bound_nets import filled, mlp, settled
from shiftproof.certificates.bounds.attack import descend, sharpened
from shiftproof.certificates.bounds.deadline import NEVER
from shiftproof.certificates.bounds.layers import Box
from shiftproof.certificates.bounds.query import Query, Referee
from shiftproof.certificates.bounds.read_torch import read_torch
from shiftproof.certificates.bounds.split_inputs import InputBranching

WEIGHT, BIAS = [[1.0, 2.0], [-1.0, 0.5]], [0.0, 0.3]


def test_each_point_reaches_the_best_corner_of_its_own_box() -> None:
    net = read_torch(filled(WEIGHT, BIAS), (2,))
    points = torch.rand(6, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    box = Box(points - torch.tensor([0.1, 0.3]), points + torch.tensor([0.2, 0.05]))
    with torch.no_grad():
        case = net(points).argmin(1)
    slope = torch.tensor(WEIGHT, dtype=torch.float64)[case]
    corner = torch.where(slope > 0, box.low, box.high)
    least = ((slope * corner).sum(1) + torch.tensor(BIAS, dtype=torch.float64)[case]).sort().values
    found = sharpened(net, box, lambda scores: scores, points, most=6, steps=8)
    with torch.no_grad():
        reached = net(found).amin(1)
    assert bool((reached <= least + 1e-6).all())
    assert reached.tolist() == sorted(reached.tolist())
    assert len(sharpened(net, box, lambda scores: scores, points, most=2, steps=1)) == 2


def test_a_violation_beside_a_part_is_found_with_fewer_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    net = read_torch(settled(mlp(4, 16, 16, 2), 3), (4,))
    box = Box(torch.full((1, 4), -2.0, dtype=torch.float64), torch.full((1, 4), 2.0, dtype=torch.float64))
    row = torch.tensor([[1.0, -1.0]], dtype=torch.float64)
    best = descend(net, box, lambda scores: scores @ row.T, generator=torch.Generator().manual_seed(0), starts=256, steps=100)
    with torch.no_grad():
        limit = (net(best) @ row.T)[0] + 1e-6
    query = Query(box, row, limit, torch.zeros(1).long(), 1)

    def explored() -> int:
        search = InputBranching(net, query, Referee(net, None))
        assert search.run(NEVER) is not None
        return search.explored

    near = explored()

    def nothing(_: InputBranching, __: object, points: Tensor) -> Tensor:
        return points[:0]

    monkeypatch.setattr(InputBranching, "_near", nothing)
    assert near < explored()
