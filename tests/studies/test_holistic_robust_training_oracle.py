"""Attacked losses of a linear network in closed form, and what the three networks of the study are shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import shiftproof as sp
from shiftproof.data.examples import Examples
from shiftproof.shifts.norms.l2 import L2
from shiftproof.studies import Trial
from shiftproof.studies.holistic_robust_training import HolisticRobustTraining, attacked_losses, mean_of
from shiftproof.training.methods.abstract import Method


def test_of_two_classes_the_worst_loss_is_that_of_the_margin_less_the_budget() -> None:
    """log(1 + exp(eps |w| - w x)) for the difference w of the two rows, away from the box's walls."""
    weight = torch.tensor([[0.0, 0.0, 0.0], [1.0, -2.0, 0.5]])
    layer = nn.Linear(3, 2, bias=False)
    with torch.no_grad():
        layer.weight.copy_(weight)
    x = 0.4 + 0.2 * torch.rand(10, 3, generator=torch.Generator().manual_seed(0))
    across = weight[1].double()
    expected = torch.log1p(torch.exp(0.1 * across.norm() - x.double() @ across))
    found = attacked_losses(nn.Sequential(layer), sp.examples(x, [1] * 10), L2(0.1), 0)
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-3)


@dataclass(frozen=True, eq=False)
class Shown(Trial):
    """A trial that trains nothing and keeps what would have been learned, and how."""

    lessons: dict[str, Examples] = field(default_factory=dict[str, Examples])
    methods: dict[str, str] = field(default_factory=dict[str, str])

    def train(
        self,
        name: str,
        make: nn.Module | Callable[[], nn.Module],
        examples: Examples,
        method: str | Method = "plain",
        **recipe: Any,
    ) -> nn.Module:
        torch.manual_seed(len(self.lessons))
        self.lessons[name], self.methods[name] = examples, method if isinstance(method, str) else method.spec()
        assert not isinstance(make, nn.Module)
        return make().eval()


def test_all_three_learn_the_same_labels_of_which_a_tenth_is_wrong(tmp_path: Path) -> None:
    trial = Shown(quick=True, seed=2, folder=tmp_path, data={}, say=lambda _: None)
    found = HolisticRobustTraining().measure(trial)
    assert {each.quantity for each in HolisticRobustTraining.predictions} <= set(found)
    assert list(trial.lessons) == ["plain", "adversarial", "holistic"]
    labels = [lessons.y.tolist() for lessons in trial.lessons.values()]
    assert labels[0] == labels[1] == labels[2]
    clean = trial.task("mnist", train=600).train
    assert 0.06 < float((clean.y != trial.lessons["plain"].y).double().mean()) < 0.14
    assert "l2(eps=0.5)" in trial.methods["adversarial"]
    assert trial.methods["holistic"].startswith("holistic_robust(")
    assert found["holistic, loss on what was learned"].value >= found["bound less attacked loss"].value
    gap = found["holistic, attacked loss"].value - found["plain, attacked loss"].value
    assert found["attacked loss, holistic less plain"].value == pytest.approx(gap)


def test_a_mean_comes_with_its_standard_error() -> None:
    found = mean_of(np.array([1.0, 3.0]))
    assert (found.value, found.error, found.unit) == (2.0, 1.0, "number")
