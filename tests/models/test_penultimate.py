"""The features of a network are what goes into its last linear layer."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from shiftproof.models.load import as_model
from shiftproof.models.penultimate import penultimate
from shiftproof.models.torch_module import TorchModule


def test_what_goes_into_the_last_linear_layer() -> None:
    net = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2))
    model, x = TorchModule(net, name="net"), torch.rand(4, 3)
    found = penultimate(model, lambda: model.scores(x), 4)
    assert found is not None
    assert torch.allclose(found, net[1](net[0](x)))
    assert not net[2]._forward_pre_hooks


def test_none_where_there_is_no_linear_layer() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    model, x = TorchModule(net, name="net"), torch.rand(2, 1, 4, 4)
    assert penultimate(model, lambda: model.scores(x), 2) is None
    assert penultimate(as_model(lambda rows: np.zeros((len(rows), 2)), gives="scores"), lambda: None, 1) is None
