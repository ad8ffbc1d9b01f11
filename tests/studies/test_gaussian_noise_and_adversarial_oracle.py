"""Distances and noise of the study on a linear network, where the half-space is no approximation."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

import shiftproof as sp
from shiftproof._arrays import Floats
from shiftproof.data.examples import Examples
from shiftproof.studies.gaussian_noise_and_adversarial import distances, median_ratio, noise_at, rank_correlation

SHAPE = (1, 4, 4)
Linear = tuple[nn.Module, Examples, Floats]


@pytest.fixture(scope="module")
def linear() -> Linear:
    """A linear network of two classes, ten inputs that it gets right, and their exact distances to the boundary."""
    generator = torch.Generator().manual_seed(0)
    layer = nn.Linear(16, 2, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.randn(2, 16, generator=generator))
    net = nn.Sequential(nn.Flatten(), layer)
    x = torch.rand(10, *SHAPE, generator=generator)
    with torch.no_grad():
        scores = net(x)
    across = layer.weight[0] - layer.weight[1]
    exact = ((scores[:, 0] - scores[:, 1]).abs() / across.norm()).detach().double().numpy()
    return net, sp.examples(x, scores.argmax(1)), exact


def test_of_a_half_space_the_prediction_and_the_attack_are_exact(
    linear: Linear,
) -> None:
    net, examples, exact = linear
    assert exact.max() > 3 * exact.min() > 0  # not all alike
    found = distances(net, examples, draws=5000, seed=0)
    np.testing.assert_allclose(found.distance, exact, rtol=0.02)
    # 50 of 5,000 copies: the quantile that they give has a standard error of 2.3 %, and the bisection ends within 3 %
    np.testing.assert_allclose(found.predicted, exact, rtol=0.12)
    np.testing.assert_allclose(found.length / found.predicted, math.sqrt(16) / 2.3263, rtol=1e-3)


def test_noise_hangs_on_the_example_and_not_on_its_neighbours(
    linear: Linear,
) -> None:
    net, examples, _ = linear
    whole = noise_at(net, examples, draws=100, seed=0)
    assert whole[3:5].tolist() == noise_at(net, examples[3:5], draws=100, seed=0).tolist()
    assert whole.tolist() != noise_at(net, examples, draws=100, seed=1).tolist()


def test_an_example_that_no_noise_breaks_is_left_out() -> None:
    class Sure(nn.Module):
        """Class 0, whatever the input, but for a gradient."""

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            first = x.flatten(1)[:, :1]
            return torch.cat([1e3 + 0 * first, first], dim=1)

    examples = sp.examples(torch.rand(2, *SHAPE), torch.zeros(2, dtype=torch.int64))
    assert np.isinf(noise_at(Sure(), examples, draws=50, seed=0)).all()
    assert len(distances(Sure(), examples, draws=50, seed=0).distance) == 0


def test_medians_and_ranks_of_known_numbers() -> None:
    first = np.array([1.0, 2.0, 3.0, 8.0, 9.0])
    twice = median_ratio(2 * first, first, np.random.default_rng(0))
    assert (twice.value, twice.error) == (2.0, 0.0)
    assert median_ratio(first, np.ones(5), np.random.default_rng(0)).error > 0
    same = rank_correlation(first, first**3)
    assert same.value == pytest.approx(1.0)
    assert same.error == pytest.approx(0.0, abs=1e-9)
    turned = rank_correlation(first, np.array([1.0, 3.0, 2.0, 4.0, 5.0]))  # one pair exchanged: 1 - 6 * 2 / (5 * 24)
    assert turned.value == pytest.approx(0.9)
    assert turned.error == pytest.approx((1 - 0.81) * math.sqrt((1 + 0.405) / 2))
