"""What the studies of training methods are made of, where the answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import shiftproof as sp
from shiftproof.studies.instance_reweighted_training import worst_classes
from shiftproof.studies.rotation_self_supervision import halved, strangeness, strokes
from shiftproof.studies.style_exploration_domains import faded


def test_the_worst_classes_are_named_on_one_half_and_counted_on_the_other() -> None:
    y = np.repeat(np.arange(5), 8)
    right = np.ones(40, dtype=bool)
    right[y == 0] = False  # always wrong
    right[np.flatnonzero(y == 1)[::2]] = False  # wrong on the even half only
    right[np.flatnonzero(y == 2)[1::4]] = False  # a quarter wrong, all on the odd half
    # Named on the even half: 0, 1 and the first of the rest, 2; counted on the odd one: 0 of 4, 4 of 4, 2 of 4. The other way: 0, 2 and 1.
    assert worst_classes(right, y).value == pytest.approx((0 + 4 + 2 + 0 + 4 + 0) / 24)


def test_halved_images_are_means_of_four_pixels() -> None:
    x = torch.arange(16.0).reshape(1, 1, 4, 4) / 16
    moved = halved(sp.examples(x, torch.tensor([3]), kind="image"))
    assert moved.x.flatten().tolist() == pytest.approx([2.5 / 16, 4.5 / 16, 10.5 / 16, 12.5 / 16])
    assert moved.y.tolist() == [3]


def test_strokes_deal_out_the_same_pixels_in_one_order() -> None:
    x = torch.rand(3, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    moved = strokes(sp.examples(x, torch.arange(3), kind="image"))
    assert torch.equal(moved.flatten(1).sort(1).values, x.flatten(1).sort(1).values)
    order = [int((x[0].flatten() == value).nonzero()) for value in moved[0].flatten()]
    assert torch.equal(moved[1].flatten(), x[1].flatten()[order])


class Told(nn.Module):
    """Scores whose probabilities are the inputs."""

    def forward(self, x: Tensor) -> Tensor:
        return x.log()


def test_strangeness_is_one_less_the_largest_probability() -> None:
    assert strangeness(Told(), torch.tensor([[0.25, 0.75], [0.5, 0.5]])).tolist() == pytest.approx([0.25, 0.5])


def test_faded_digits_are_the_same_in_another_style() -> None:
    x = torch.tensor([0.0, 1.0, 0.5, 1.0]).reshape(1, 1, 2, 2)
    moved = faded(sp.examples(x, torch.tensor([1]), kind="image"))
    assert moved.x.flatten().tolist() == [1.0, 0.75, 1.0, 0.75]
