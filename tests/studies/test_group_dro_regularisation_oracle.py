"""Coloured digits and the worst group, on hand-made cases."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from shiftproof.studies.group_dro_regularisation import GRAIN, LOUD, coloured, worst_group


def test_digits_get_a_label_a_colour_and_a_group() -> None:
    images = torch.full((4000, 1, 2, 2), 0.5)
    digits = torch.arange(4000) % 10
    colour = np.arange(4000) // 2 % 2
    made = coloured(images, digits, colour, np.random.default_rng(0))
    assert torch.equal(made.y, (digits >= 5).long())
    assert torch.equal(made.x[:, -1], torch.from_numpy(np.where(colour == 1, LOUD, -LOUD)).float())
    assert torch.equal(made.group, 2 * made.y + torch.from_numpy(colour))
    assert float(made.x[:, :-1].mean()) == pytest.approx(0.5, abs=0.02)
    assert float(made.x[:, :-1].std()) == pytest.approx(GRAIN, abs=0.02)


def test_the_worst_group_is_the_one_of_least_accuracy() -> None:
    right = np.array([1, 1, 1, 0, 0, 1, 0, 0], dtype=bool)
    group = torch.tensor([0, 0, 1, 1, 2, 2, 2, 3])
    assert worst_group(right, group).value == 0
    found = worst_group(right[:7], group[:7])
    assert found.value == pytest.approx(1 / 3)
    assert found.error > 0
