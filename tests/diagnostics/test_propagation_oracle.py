"""Propagated noise: exact for a linear model, and near sampling for a small network."""

from __future__ import annotations

import pytest
import torch
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
