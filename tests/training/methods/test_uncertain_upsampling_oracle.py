"""Upsampling of uncertain examples: which are shown twice, and that a pass stays as long as it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import shiftproof as sp
from shiftproof.randomness import Rng
from shiftproof.training.methods import methods


def test_a_pass_shows_the_uncertain_twice_and_is_as_long_as_before(tmp_path: Path) -> None:
    first = nn.Linear(1, 2)
    with torch.no_grad():
        first.weight.copy_(torch.tensor([[0.0], [8.0]]))
        first.bias.copy_(torch.tensor([0.0, -4.0]))  # uncertain about what lies near 0.5
    save_file(first.state_dict(), tmp_path / "first.safetensors")
    data = sp.examples(torch.linspace(0, 1, 41)[:, None], (torch.arange(41) > 20).long())
    method = methods.build(f"uncertain_upsampling(first='{tmp_path / 'first.safetensors'}', share=0.25)")
    memory = method.init(nn.Linear(1, 2), data)
    orders = [method.order(Rng.for_ids(seed, data.ids), memory) for seed in (0, 1, 0)]
    assert np.array_equal(orders[0], orders[2])
    left = []
    for order in orders[:2]:
        counts = np.bincount(order, minlength=41)
        assert len(order) == 41
        assert np.flatnonzero(counts == 2).tolist() == [*range(15, 26)]
        assert (counts == 0).sum() == 11
        left.append(np.flatnonzero(counts == 0).tolist())
        assert order.tolist() != sorted(order.tolist())
    assert left[0] != left[1]


@pytest.mark.parametrize("share", [0.0, 0.6])
def test_a_share_of_none_or_more_than_half_is_refused(share: float) -> None:
    with pytest.raises(sp.UsageError, match="The 'share' of uncertain_upsampling must be in"):
        methods.build(f"uncertain_upsampling(first=a, share={share})")
