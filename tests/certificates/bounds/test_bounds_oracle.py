"""Bounds and branch and bound against the exact answer: linear programs over all patterns of active units, and closed forms."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from bound_nets import box_around, exact_least, mlp, settled
from shiftproof.certificates import AlphaCrown, Crown, IntervalBounds
from shiftproof.certificates.bounds.branching import Branching
from shiftproof.certificates.bounds.deadline import Deadline
from shiftproof.certificates.bounds.layers import Box
from shiftproof.certificates.bounds.network import Network
from shiftproof.certificates.bounds.propagate import intervals
from shiftproof.certificates.bounds.query import Query, Referee
from shiftproof.certificates.bounds.read_torch import read_torch
from shiftproof.certificates.bounds.region import Region
from shiftproof.certificates.bounds.slope_optimisation import SlopeAscent
from shiftproof.certificates.bounds.spectral import spectral_norm
from shiftproof.certificates.bounds.split_inputs import InputBranching
from shiftproof.certificates.bounds.split_units import UnitBranching

C = torch.tensor([[[1.0, -1.0]]], dtype=torch.float64)
SEEDS = range(4)


def tiny(seed: int) -> tuple[nn.Sequential, Network, Region, float]:
    """A network of 4 and 3 ReLUs, a box around an input, and the exact least margin there."""
    net = settled(mlp(3, 4, 3, 2), seed)
    assert isinstance(net, nn.Sequential)
    region = box_around(torch.rand(1, 3, generator=torch.Generator().manual_seed(seed)), 0.6)
    return net, read_torch(net, (3,)).exact(), region, exact_least(net, region.box.low[0], region.box.high[0], C[0, 0])


@pytest.mark.parametrize("seed", SEEDS)
def test_bounds_never_pass_the_exact_least_value(seed: int) -> None:
    _, network, region, exact = tiny(seed)
    every = (IntervalBounds(), Crown(), AlphaCrown(steps=30, step_size=0.2), AlphaCrown(steps=30, step_size=0.2, refine=True))
    interval, crown, alpha, refined = (float(each.least_margins(network, region, C)) for each in every)
    assert interval <= crown <= alpha + 1e-12
    assert max(alpha, refined) <= exact + 1e-9
    assert refined >= crown - 1e-12


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("splitter", ["inputs", "units"])
def test_branch_and_bound_decides_just_below_and_just_above_the_exact_value(seed: int, splitter: str) -> None:
    _, network, region, exact = tiny(seed)
    for gap, violated in ((-1e-3, False), (1e-3, True)):
        query = Query(region.box, C[0], torch.tensor([exact + gap], dtype=torch.float64), torch.tensor([0]), 1)
        referee = Referee(network)
        end = Deadline.within(60)
        search: Branching
        if splitter == "inputs":
            search = InputBranching(network, query, referee)
        else:
            asked = network.then(query.weights, -query.bounds)
            search = UnitBranching(network, query, referee, intervals(asked, region), ascent=SlopeAscent(20, 0.1, enough=0.0))
        found = search.run(end)
        assert (found is not None) == violated, (found, exact)
        assert violated or search.waiting + search.stuck == 0
        if found is not None:
            assert float(query.excess(network(found[None]))) <= 0
            assert bool(((found >= region.box.low[0]) & (found <= region.box.high[0])).all())


def test_refined_intervals_are_tighter() -> None:
    network = read_torch(settled(mlp(3, 12, 12, 12, 2), 0), (3,))
    region = box_around(torch.full((1, 3), 0.5), 0.6)
    plain = intervals(network, region)

    def bounder(network: Network, region: Region, boxes: list[Box], c: Tensor, at: int) -> Tensor:
        return SlopeAscent(30, 0.2)(network, region, boxes, c, at=at).least

    refined = intervals(network, region, bounder=bounder)
    k = max(network.curved)
    assert bool((refined[k].low >= plain[k].low - 1e-9).all())
    assert bool((refined[k].high <= plain[k].high + 1e-9).all())
    assert float((plain[k].high - plain[k].low).sum() - (refined[k].high - refined[k].low).sum()) > 1e-3


@pytest.mark.parametrize("order", [None, 1, 2])
def test_linear_functions_have_their_exact_least_value_in_a_ball(order: int | None) -> None:
    draw = torch.Generator().manual_seed(3)
    a, x = torch.randn(2, 3, 5, generator=draw, dtype=torch.float64), torch.rand(2, 5, generator=draw, dtype=torch.float64)
    eps = torch.tensor([0.3, 0.05], dtype=torch.float64)
    wide = Region(Box(x - eps[:, None], x + eps[:, None]), order, x, eps)
    dual = {None: 1, 1: torch.inf, 2: 2}[order]
    length: Tensor = torch.linalg.vector_norm(a, dual, dim=2)
    torch.testing.assert_close(wide.least(a), (a @ x[..., None])[..., 0] - eps[:, None] * length, rtol=0, atol=2e-6)


@pytest.mark.parametrize("order", [1, 2])
def test_ball_and_box_together_are_exact(order: int) -> None:
    # Downhill is up in both; the first has room for 0.1 only, and the second takes what is left of the budget.
    x = torch.tensor([[0.9, 0.2]], dtype=torch.float64)
    eps = torch.tensor([0.5], dtype=torch.float64)
    region = Region(Box((x - 0.5).clamp(0, 1), (x + 0.5).clamp(0, 1)), order, x, eps)
    a = torch.tensor([[[-3.0, -1.0]]], dtype=torch.float64)
    second = 0.4 if order == 1 else (0.25 - 0.01) ** 0.5
    exact = float((a[0, 0] * x[0]).sum()) - 3 * 0.1 - second
    assert exact - 1e-5 <= float(region.least(a)) <= exact + 1e-12


def test_spectral_norms_are_never_too_small_and_nearly_exact() -> None:
    draw = torch.Generator().manual_seed(0)
    for shape in ((5, 5), (40, 7), (3, 90)):
        weight = torch.randn(shape, generator=draw, dtype=torch.float64)
        exact = float(torch.linalg.matrix_norm(weight, 2))
        assert exact <= spectral_norm(weight) <= 1.01 * exact
    assert spectral_norm(torch.zeros(3, 3)) == 0.0
