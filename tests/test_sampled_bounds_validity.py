"""A stated share and confidence hold: the share above each bound is known exactly, violations are counted and tested."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

import shiftproof as sp
from shiftproof.sampled_bounds import bound_by_sampling


@pytest.mark.parametrize(("share", "confidence", "draws"), [(0.1, 0.9, None), (0.02, 0.95, None), (0.1, 0.9, 150)])
def test_bounds_are_violated_as_seldom_as_they_say(share: float, confidence: float, draws: int | None) -> None:
    net = torch.nn.Linear(1, 2)
    with torch.no_grad():
        net.bias.fill_(-2.0)
        net.weight.copy_(torch.tensor([[0.0], [1.0]]))
    n = 600
    examples = sp.examples(torch.zeros(n, 1), torch.zeros(n, dtype=torch.long), box=(-1.0, 1.0))
    found = bound_by_sampling(sp.as_model(net), sp.Linf(1.0), examples=examples, share=share, confidence=confidence, draws=draws)
    violated = (1 - found.bound) / 2 > share
    assert stats.binomtest(int(violated.sum()), n, 1 - confidence, alternative="greater").pvalue > 1e-3


def test_an_atom_at_the_edge_is_no_way_around() -> None:
    """A decision that is wrong on a share just above the one stated must be called held at most as often as the confidence allows."""
    net = torch.nn.Linear(1, 2)
    with torch.no_grad():
        net.weight.copy_(torch.tensor([[0.0], [1.0]]))
        net.bias.copy_(torch.tensor([1 - 2 * 0.055, 0.0]))  # wrong on 5.5 % of the moves
    n = 600
    examples = sp.examples(torch.zeros(n, 1), torch.zeros(n, dtype=torch.long), box=(-1.0, 1.0))
    found = bound_by_sampling(sp.as_model(net), sp.Linf(1.0), examples=examples, share=0.05, confidence=0.9)
    assert stats.binomtest(int(np.sum(found.held)), n, 0.1, alternative="greater").pvalue > 1e-3
    assert found.held.any()
