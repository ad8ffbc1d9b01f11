"""Constructed training sets on networks whose answer is known: linear ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from shiftproof.data.arrays import examples
from shiftproof.data.examples import Examples
from shiftproof.studies.constructed_inputs import like, towards


def _images(n: int = 20) -> Examples:
    return examples(0.3 + 0.4 * torch.rand(n, 6, generator=torch.Generator().manual_seed(1)), [0] * n)


def _linear(weight: Tensor) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    with torch.no_grad():
        layer.weight.copy_(weight)
    return layer


def test_of_two_classes_the_move_is_the_whole_budget_along_the_difference_of_weights() -> None:
    weight = torch.randn(2, 6, generator=torch.Generator().manual_seed(2))
    images, targets = _images(), np.arange(20) % 2
    moved = towards(nn.Sequential(_linear(weight)), images, targets, eps=0.2, steps=20)
    way = (weight[1] - weight[0]) / (weight[1] - weight[0]).norm()
    sign = torch.from_numpy(2.0 * targets - 1).float()[:, None]
    torch.testing.assert_close(moved.x - images.x, 0.2 * sign * way, atol=1e-4, rtol=0)
    assert moved.y.tolist() == targets.tolist()
    assert moved.ids.tolist() == images.ids.tolist()


def test_every_step_is_taken_though_the_network_gave_in_at_the_first() -> None:
    """An image that is of the target already still goes to the wall of the ball."""
    weight = torch.tensor([[0.0] * 6, [1.0] * 6])
    images = _images()
    net = nn.Sequential(_linear(weight))
    assert bool((net(images.x).argmax(1) == 1).all())
    moved = towards(net, images, np.ones(20, dtype=np.int64), eps=0.2, steps=10)
    torch.testing.assert_close((moved.x - images.x).norm(dim=1), torch.full((20,), 0.2), atol=1e-5, rtol=0)


def test_what_the_network_sees_becomes_the_images_and_the_rest_stays_the_starts() -> None:
    """g(x) = the first two features: those come from the image, and nothing says that the other four should move."""
    net = nn.Sequential(_linear(torch.eye(2, 6)), nn.Linear(2, 2))
    images, starts = _images(), torch.rand(20, 6, generator=torch.Generator().manual_seed(4))
    made = like(net, images, starts, steps=200, reach=4.0)
    torch.testing.assert_close(made.x[:, :2], images.x[:, :2], atol=0.01, rtol=0)
    torch.testing.assert_close(made.x[:, 2:], starts[:, 2:])
    assert made.y.tolist() == images.y.tolist()


def test_made_images_stay_in_the_box() -> None:
    """g is twice the input, so that what would match it best lies outside for a start at the wall."""
    net = nn.Sequential(_linear(3 * torch.eye(6)), nn.ReLU(), nn.Linear(6, 2))
    images = examples(torch.ones(5, 6), [0] * 5)
    made = like(net, images, torch.zeros(5, 6), steps=50, reach=10.0)
    assert 0 <= float(made.x.min()) <= float(made.x.max()) <= 1


def test_batches_do_not_change_what_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3))
    images, targets = _images(), np.arange(20) % 3
    whole = towards(net, images, targets, eps=0.3, steps=5).x
    monkeypatch.setattr("shiftproof.studies.constructed_inputs._BATCH", 7)
    torch.testing.assert_close(towards(net, images, targets, eps=0.3, steps=5).x, whole)
