"""No point of a region has values outside of its bounds, whatever the layers; tighter methods are never looser."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from bound_nets import Residual, box_around, conv_net, filled, mlp, settled
from shiftproof.certificates.bounds.backward import lower_bounds
from shiftproof.certificates.bounds.layers import Box, LinearLayer
from shiftproof.certificates.bounds.nonlinear_layers import SIGMOID, TANH, MaxPool, Relu
from shiftproof.certificates.bounds.propagate import intervals
from shiftproof.certificates.bounds.read_torch import read_torch
from shiftproof.certificates.bounds.region import Region
from shiftproof.certificates.bounds.slope_optimisation import SlopeAscent

NETS: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    "relu": (mlp(4, 6, 6, 3), (4,)),
    "tanh": (mlp(4, 6, 6, 3, curve=nn.Tanh), (4,)),
    "sigmoid": (mlp(4, 6, 6, 3, curve=nn.Sigmoid), (4,)),
    "residual": (Residual(4, 3), (4,)),
    "average pooling": (conv_net(), (2, 6, 6)),
    "max pooling": (conv_net(pool=nn.MaxPool2d(2), groups=2), (2, 6, 6)),
    "overlapping max pooling": (conv_net(pool=nn.MaxPool2d(3, stride=1, padding=1), padding=0), (2, 6, 6)),
}


def points(x: Tensor, eps: float, order: int | None, draw: torch.Generator) -> Tensor:
    """400 points of the ball around x of shape (1, ...), many of them at its rim."""
    move = torch.rand(400, *x.shape[1:], generator=draw, dtype=torch.float64) * 2 - 1
    move[:100] = move[:100].sign()
    flat = move.flatten(1)
    if order is not None:
        flat = flat / torch.linalg.vector_norm(flat, order, dim=1, keepdim=True)
    return x + eps * flat.reshape(move.shape)


@pytest.mark.parametrize("name", NETS)
@given(seed=st.integers(0, 10_000), eps=st.floats(1e-3, 1.0), order=st.sampled_from([None, 1, 2]))
@settings(deadline=None, max_examples=4)
def test_points_stay_inside(name: str, seed: int, eps: float, order: int | None) -> None:
    net, shape = NETS[name]
    network = read_torch(settled(net, seed), shape)
    draw = torch.Generator().manual_seed(seed)
    x = torch.rand(1, *shape, generator=draw, dtype=torch.float64)
    box = Box(x - eps, x + eps)
    region = Region(box) if order is None else Region(box, order, x, torch.tensor([eps], dtype=torch.float64))
    c = torch.cat([torch.eye(3), -torch.eye(3), torch.randn(2, 3, generator=draw)]).double()[None]
    inside = points(x, eps, order, draw)
    values = network.values(inside)
    loose, boxes = intervals(network, region, bounder=None), intervals(network, region)
    for bounds in (loose, boxes):
        for value, each in zip(values[:-1], bounds, strict=True):
            assert bool(((value >= each.low) & (value <= each.high)).all())
    least = (values[-1] @ c[0].T).amin(0)
    with torch.no_grad():
        interval = lower_bounds(network, region, loose, c, back_to_curves=True).least[0]
        crown = lower_bounds(network, region, boxes, c).least[0]
    alpha = SlopeAscent(steps=2)(network, region, boxes, c).least[0]
    for found in (interval, crown, alpha):
        assert bool((found <= least).all())
    assert bool((alpha >= crown - 1e-9).all())
    for k in network.curved:  # an interval that a pass has tightened is never wider
        assert bool((boxes[k].low >= loose[k].low).all() & (boxes[k].high <= loose[k].high).all())


@given(low=st.floats(-30, 30), width=st.floats(0, 30), choice=st.floats(0, 1))
@settings(deadline=None, max_examples=60)
def test_lines_enclose_their_curve(low: float, width: float, choice: float) -> None:
    box = Box(torch.tensor([[low]], dtype=torch.float64), torch.tensor([[low + width]], dtype=torch.float64))
    x = torch.linspace(low, low + width, 301, dtype=torch.float64).clamp(max=low + width)
    for curve in (Relu(), SIGMOID, TANH):
        lines = curve.lines(box, torch.tensor([[choice]], dtype=torch.float64))
        value, room = curve(x), 1e-12 * (1 + abs(low) + width)
        assert bool((lines.low_slope * x + lines.low_offset <= value + room).all())
        assert bool((value <= lines.high_slope * x + lines.high_offset + room).all())


def test_a_max_pooling_with_a_sure_winner_is_exact() -> None:
    net = nn.Sequential(nn.MaxPool2d(2), nn.Flatten(), nn.Linear(1, 2))
    network = read_torch(settled(net, 0), (1, 2, 2)).exact()
    x = torch.tensor([[[[0.9, 0.1], [0.2, 0.3]]]], dtype=torch.float64)
    region = box_around(x, 0.2)
    boxes = intervals(network, region)
    c = torch.eye(2, dtype=torch.float64)[None]
    ends = torch.stack([network(x + shift) for shift in (-0.2, 0.2)])[:, 0]
    torch.testing.assert_close(lower_bounds(network, region, boxes, c).least[0], ends.amin(0))
    assert isinstance(network.nodes[1].layer, MaxPool)


def test_rounding_of_the_model_is_in_the_bounds() -> None:
    """A float32 network that cancels 1e7 against 1e7 is off by several units; bounds on it must say so, and those of exact ones not."""
    net = nn.Sequential(filled([[1e8, -1.1e8], [1.0, 0.0]], [3e6 + 3.0, 0.0]), nn.ReLU(), filled([[1.0, 0.0], [0.0, 1.0]], [0.0, 0.0]))
    network = read_torch(net, (2,))
    x = torch.tensor([[0.3, 0.3]])
    c = torch.eye(2, dtype=torch.float64)[None]
    region = box_around(x, 0.0)
    computed = net(x).detach().double()[0, 0]
    exact = network(x)[0, 0]
    assert abs(float(computed - exact)) > 0.1
    boxes = intervals(network, region)
    assert float(boxes[1].low[0, 0]) <= float(computed) <= float(boxes[1].high[0, 0])
    assert float(lower_bounds(network, region, boxes, c).least[0, 0]) <= float(computed)
    tight = intervals(network.exact(), region)[1]
    assert float(tight.low[0, 0]) > float(computed) or float(tight.high[0, 0]) < float(computed)


@given(seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=10)
def test_bounds_in_float64_hold_for_sums_that_round(seed: int) -> None:
    """The margin for our own rounding covers what another order of the same sums gives."""
    network = read_torch(settled(mlp(64, 64, 3), seed), (64,)).exact()
    draw = torch.Generator().manual_seed(seed)
    x = torch.rand(1, 64, generator=draw, dtype=torch.float64)
    region = box_around(x, 0.0)  # one point: the bounds can only be wrong by rounding
    c = torch.eye(3, dtype=torch.float64)[None]
    boxes = intervals(network, region)
    least = lower_bounds(network, region, boxes, c).least
    order = torch.randperm(64, generator=draw)
    first, last = network.nodes[1].layer, network.nodes[3].layer
    assert isinstance(first, LinearLayer)
    assert isinstance(last, LinearLayer)
    hidden = Relu()(replace(first, weight=first.weight[:, order])(x[:, order]))
    assert bool((least <= last(hidden)[0]).all())
    assert float((last(hidden)[0] - least).max()) < 1e-10
