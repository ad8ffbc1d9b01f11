"""Propagated noise: exact for a linear model, and near sampling for a small network."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import norm
from torch import nn

import shiftproof as sp
from shiftproof._errors import UsageError
from shiftproof.diagnostics.propagation import noise_stability
from shiftproof.models.abstract import Gradients


def model_of(net: nn.Module) -> Gradients:
    model = sp.as_model(net)
    assert isinstance(model, Gradients)
    return model


@pytest.mark.parametrize("noise", ["gaussian", "cauchy"])
def test_a_linear_model_is_exact(noise: str) -> None:
    torch.manual_seed(0)
    net = nn.Linear(6, 2)
    x = torch.rand(5, 6)
    found = noise_stability(model_of(net), x, sigma=0.3, noise=noise)  # type: ignore[arg-type]
    difference = net.weight[0] - net.weight[1]
    gap = (net(x)[:, 0] - net(x)[:, 1]).abs().double()
    if noise == "gaussian":
        expected = torch.special.ndtr(gap / (0.3 * difference.norm().double()))
    else:
        expected = 0.5 + torch.atan(gap / (0.3 * difference.abs().sum().double())) / torch.pi
    assert found.stay == pytest.approx(expected.detach().tolist(), abs=1e-6)


def test_cauchy_noise_agrees_with_draws() -> None:
    torch.manual_seed(0)
    net = nn.Linear(4, 2)
    x = torch.rand(3, 4)
    noise = torch.distributions.Cauchy(0.0, 0.1).sample((40000, 1, 4))
    with torch.no_grad():
        drawn = (net(x + noise).argmax(2) == net(x).argmax(1)).double().mean(0)
    assert noise_stability(model_of(net), x, sigma=0.1, noise="cauchy").stay == pytest.approx(drawn.tolist(), abs=0.015)


def test_a_network_under_small_noise_is_near_sampling() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 4))
    x = torch.rand(40, 10)
    found = noise_stability(model_of(net), x, sigma=0.05)
    with torch.no_grad():
        scores = net(x)
        pair = torch.stack([scores.argmax(1), found.rival], 1)
        moved = net(x + 0.05 * torch.randn(4000, 1, 10))
        ahead = (moved.gather(2, pair.expand(4000, -1, -1))).diff(dim=2)[..., 0] < 0
    assert (ahead.double().mean(0) - found.stay).abs().max() < 0.06


def test_messages() -> None:
    net = model_of(nn.Linear(2, 2))
    with pytest.raises(UsageError, match="The 'sigma' of noise_stability must be above 0"):
        noise_stability(net, torch.rand(1, 2), sigma=0)
    with pytest.raises(UsageError, match="Unknown noise 'laplace'"):
        noise_stability(net, torch.rand(1, 2), sigma=1, noise="laplace")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ratio", "slope", "moments"), [(2, 0.0228, 0.0305), (1, 0.1587, 0.1814), (0.5, 0.3085, 0.3364), (0.1, 0.4602, 0.4962)]
)
def test_of_all_normal_laws_that_of_the_slope_is_nearest_to_a_rectified_one(ratio: float, slope: float, moments: float) -> None:
    """In total variation: half of the mass at 0, of the law below 0, and of the difference of densities above."""
    y = np.linspace(0, 12, 24001)

    def apart(mean: float, spread: float) -> float:
        off = np.trapezoid(np.abs(norm.pdf(y, ratio) - norm.pdf(y, mean, spread)), y)
        return float(norm.cdf(-ratio) + norm.cdf(0, mean, spread) + off) / 2

    grid = [(ratio + shift, width) for shift in np.linspace(-0.5, 0.5, 21) for width in np.linspace(0.6, 1.4, 17)]
    assert apart(ratio, 1.0) == pytest.approx(slope, abs=1e-4)
    assert min(apart(*law) for law in grid) >= apart(ratio, 1.0) - 1e-6
    mean = norm.pdf(ratio) + ratio * norm.cdf(ratio)
    square = (ratio**2 + 1) * norm.cdf(ratio) + ratio * norm.pdf(ratio)
    assert apart(mean, (square - mean**2) ** 0.5) == pytest.approx(moments, abs=1e-3)
