"""The distribution of one robust and many weak features: its closed form against drawn examples, a search and the paper's theorem."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from shiftproof.shifts import Linf
from shiftproof.studies.robustness_accuracy_tradeoff import TwoKinds
from shiftproof.studies.trial import right, right_under


def _linear(w: np.ndarray, bias: float) -> nn.Module:
    """A network whose second score less its first is w x + bias."""
    net = nn.Linear(len(w), 2)
    with torch.no_grad():
        net.weight.copy_(torch.from_numpy(np.stack([-w / 2, w / 2])))
        net.bias.copy_(torch.tensor([-bias / 2, bias / 2]))
    return net.eval()


def test_features_are_drawn_as_the_paper_says() -> None:
    model = TwoKinds(weak=25, p=0.8)
    drawn = model.draw(40_000, np.random.default_rng(0))
    sign = 2.0 * drawn.y.numpy() - 1
    x = drawn.x.numpy() * sign[:, None]
    assert x.shape == (40_000, 26)
    assert set(np.unique(x[:, 0])) == {-1.0, 1.0}
    assert (x[:, 0] == 1).mean() == pytest.approx(0.8, abs=0.01)
    assert sign.mean() == pytest.approx(0, abs=0.02)
    assert x[:, 1:].mean(0) == pytest.approx(np.full(25, model.eta), abs=0.025)
    assert x[:, 1:].std(0) == pytest.approx(np.ones(25), abs=0.025)
    assert model.eta == pytest.approx(4 / 5)


@pytest.mark.parametrize("eps", [0.0, 0.3])
def test_closed_form_is_what_drawn_examples_and_a_search_give(eps: float) -> None:
    model = TwoKinds(weak=16, p=0.9)
    w, bias = np.random.default_rng(1).normal(0.2, 0.3, 17), 0.4
    w[0] = 1.5
    examples = model.draw(8000, np.random.default_rng(2))
    net = _linear(w, bias)
    found = right(net, examples) if eps == 0 else right_under(net, examples, Linf(eps), "single_step", 0)
    assert found.mean() == pytest.approx(model.accuracy(w, bias, eps=eps), abs=4 * math.sqrt(0.25 / 8000))


def test_the_two_classifiers_of_the_paper() -> None:
    model = TwoKinds(weak=400)
    strong = np.array([1.0] + 400 * [0.0])
    assert model.accuracy(strong) == model.accuracy(strong, eps=0.99) == pytest.approx(model.p)
    assert model.accuracy(strong, eps=1.01) == pytest.approx(0)
    assert model.accuracy(1 - strong) > 0.99
    assert model.accuracy(1 - strong, eps=model.eps) < 0.01


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(-1, 1), min_size=10, max_size=10), st.floats(-1, 1), st.floats(0.5, 0.99))
def test_theorem_2_1_holds_for_every_linear_classifier(w: list[float], bias: float, p: float) -> None:
    model = TwoKinds(weak=9, p=p)
    weights = np.array(w)
    if not np.abs(weights[1:]).max() > 1e-3:
        return
    delta = 1 - model.accuracy(weights, bias)
    assert model.accuracy(weights, bias, eps=model.eps) <= p / (1 - p) * delta + 1e-9
