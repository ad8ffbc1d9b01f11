"""Windows of convolutions give what the whole backward pass gives, and both ways of taking intervals are sound."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from bound_nets import box_around, mlp, settled
from shiftproof.certificates import Crown
from shiftproof.certificates.bounds.backward import lower_bounds
from shiftproof.certificates.bounds.layers import Box
from shiftproof.certificates.bounds.model_network import margins
from shiftproof.certificates.bounds.network import Network
from shiftproof.certificates.bounds.propagate import both_intervals, intervals
from shiftproof.certificates.bounds.read_torch import read_torch
from shiftproof.certificates.bounds.region import Region
from shiftproof.certificates.bounds.windows import window_bounds, windowed

SHAPE = (2, 12, 11)


class Centred(nn.Module):
    """Takes constants from each channel, as data are normalised: not foldable where zero padding follows."""

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.3, -0.2]).reshape(2, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) / 0.7


def net(curve: type[nn.Module] = nn.ReLU, *, head: bool = True) -> nn.Module:
    """Strides, dilation, groups, uneven kernels and padding on both axes."""
    body: list[nn.Module] = [
        Centred(),
        nn.Conv2d(2, 4, (3, 2), stride=(2, 1), padding=(1, 1)),
        curve(),
        nn.Conv2d(4, 6, 2, stride=2, padding=1, dilation=2, groups=2),
        curve(),
    ]
    return nn.Sequential(*body, *([nn.Flatten(), nn.LazyLinear(3)] if head else []))


def read(curve: type[nn.Module], seed: int) -> Network:
    module = net(curve).eval()
    module(torch.zeros(1, *SHAPE))
    return read_torch(settled(module, seed), SHAPE)


def around(seed: int, eps: float, order: int | None) -> Region:
    draw = torch.Generator().manual_seed(seed)
    x = torch.rand(2, *SHAPE, generator=draw, dtype=torch.float64)
    box = Box((x - eps).clamp_min(0), (x + eps).clamp_max(1))
    if order is None:
        return Region(box)
    scale = torch.tensor([1.0, 0.5], dtype=torch.float64).reshape(2, 1, 1)
    return Region(box, order, x, torch.full((2,), eps, dtype=torch.float64), scale)


@pytest.mark.parametrize("curve", [nn.ReLU, nn.Sigmoid, nn.Tanh])
@given(seed=st.integers(0, 10_000), eps=st.floats(1e-3, 0.5), order=st.sampled_from([None, 1, 2]))
@settings(deadline=None, max_examples=4)
def test_windows_are_the_whole_pass(curve: type[nn.Module], seed: int, eps: float, order: int | None) -> None:
    network, region = read(curve, seed), around(seed, eps, order)
    index = max(network.curved)
    assert windowed(network, index)
    boxes = intervals(network, region, bounder=None)
    units = network.nodes[index].shape[0] * network.nodes[index].shape[1] * network.nodes[index].shape[2]
    c = torch.eye(units, dtype=torch.float64).reshape(1, units, *network.nodes[index].shape).expand(2, -1, -1, -1, -1)
    low, high = (sign * lower_bounds(network, region, boxes, sign * c, at=index).least for sign in (1, -1))
    row, unit = torch.ones(2, units).nonzero(as_tuple=True)
    least, most = window_bounds(network, region, boxes, index, row, unit)
    torch.testing.assert_close(least.reshape(2, units), low, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(most.reshape(2, units), high, rtol=1e-10, atol=1e-10)


def test_only_chains_with_small_windows_are_taken() -> None:
    network = read(nn.ReLU, 0)
    assert [windowed(network, k) for k in network.curved] == [True, True]
    last = len(network.nodes) - 1
    assert not windowed(network, last)  # a linear layer sees everything
    pooled = nn.Sequential(nn.Conv2d(2, 2, 3), nn.AvgPool2d(2), nn.Conv2d(2, 2, 2), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2)).eval()
    pooled(torch.zeros(1, *SHAPE))
    other = read_torch(pooled, SHAPE)
    assert not any(windowed(other, k) for k in other.curved)  # pooling has no windows here
    wide = nn.Sequential(nn.Conv2d(2, 2, 9), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2)).eval()
    wide(torch.zeros(1, *SHAPE))
    large = read_torch(wide, SHAPE)
    assert not any(windowed(large, k) for k in large.curved)


@given(seed=st.integers(0, 10_000), eps=st.floats(1e-2, 0.6))
@settings(deadline=None, max_examples=6)
def test_points_stay_inside_both_intervals_and_the_bound_is_the_better_of_both(seed: int, eps: float) -> None:
    network = read_torch(settled(mlp(4, 7, 7, 6, 3), seed), (4,)).exact()
    x = torch.rand(2, 4, generator=torch.Generator().manual_seed(seed))
    region = box_around(x, eps)
    best, alone = both_intervals(network, region)
    inside = region.box.low + (region.box.high - region.box.low) * torch.rand(200, 1, 4, dtype=torch.float64)
    values = network.values(inside.reshape(-1, 4))
    for value, *both in zip(values[:-1], best, alone, strict=True):
        each = value.reshape(200, 2, -1)
        for box in both:
            assert bool(((each >= box.low) & (each <= box.high)).all())
    for one, other in zip(best, alone, strict=True):
        assert bool((one.low >= other.low).all() and (one.high <= other.high).all())
    c = margins(torch.tensor([0, 2]), 3)
    found = Crown().least_margins(network, region, c)
    for boxes in (best, alone):
        assert bool((found >= lower_bounds(network, region, boxes, c).least).all())
    scores = values[-1].reshape(200, 2, 3)
    least = torch.einsum("nsc,mnc->mns", c, scores).amin(0)
    assert bool((found <= least + 1e-9).all())
