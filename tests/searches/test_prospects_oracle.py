"""Climbs that are given up are those that cannot arrive on a straight slope, and no others."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import shiftproof as sp
from shiftproof.searches import searches
from shiftproof.searches._prospects import LOOKED, Prospects
from shiftproof.shifts.abstract import Shift
from shiftproof.shifts.norms.l1 import L1

RADIUS = 0.5


def given_up(slopes: list[float], missing: float, shift: Shift) -> list[bool]:
    """Whether each of the steps gives up a climb that lacks `missing`, with these lengths of its gradient."""
    prospects = Prospects.of(shift, torch.zeros(1, 3))
    gradients = [torch.tensor([[0.0, 0.0, slope]]) for slope in slopes]
    value = torch.tensor([-missing])
    return [prospects.look(one, step) and bool(prospects.too_far(value) & ~prospects.bent) for step, one in enumerate(gradients)]


@pytest.mark.parametrize("shift", [sp.Linf(RADIUS), sp.L2(RADIUS)])
@pytest.mark.parametrize(
    ("slopes", "missing", "gives_up"),
    [
        ([2.0] * 6, 1.6, True),  # a straight slope brings 1.0 on a way of 0.5
        ([2.0] * 6, 1.4, False),
        ([1.1, 2.0, 1.1, 1.5, 1.0, 1.0], 1.6, True),  # the steepest counts
        ([0.9, 2.0, 0.9, 1.5, 1.0, 1.0], 9.0, False),  # a slope that changes says little
        ([0.0] * 6, 9.0, False),  # as one that is zero
    ],
)
def test_the_last_step_that_is_looked_at_decides(slopes: list[float], missing: float, gives_up: bool, shift: Shift) -> None:
    last = LOOKED - 1
    assert given_up(slopes, missing, shift) == [step == last and gives_up for step in range(6)]


def test_nothing_is_given_up_under_other_norms() -> None:
    assert not any(given_up([2.0] * 6, 100.0, L1(RADIUS)))


def test_parts_keep_what_was_seen() -> None:
    prospects = Prospects.of(sp.L2(RADIUS), torch.zeros(2, 1))
    for step in range(LOOKED - 1):
        prospects.look(torch.tensor([[2.0], [0.5]]), step)
    steady, bent = (prospects[torch.tensor([first, not first])] for first in (True, False))
    assert steady.look(torch.tensor([[2.0]]), LOOKED - 1)
    assert bent.look(torch.tensor([[2.0]]), LOOKED - 1)
    assert steady.bent.tolist() == [False]
    assert bent.bent.tolist() == [True]


class Far(torch.nn.Module):
    """Three classes, the near one and the far one out of reach; the slope to the near one bends below `bend`. No cheap proof reads it."""

    def __init__(self, bend: float = 0.0) -> None:
        super().__init__()
        self.bend = bend

    def forward(self, x: Tensor) -> Tensor:
        near = x[:, 0] - 0.8 + 5 * (x[:, 0] - self.bend).clamp_max(0)
        return torch.stack([torch.zeros_like(near), near, x[:, 1] - 8.0], 1)


@pytest.mark.parametrize(("bend", "least", "most"), [(0.0, 2 * LOOKED, 2 * LOOKED), (0.29, 40, 10**9)])
def test_the_economy_spends_four_steps_on_a_rival_out_of_reach_unless_the_loss_bends(bend: float, least: int, most: int) -> None:
    x = torch.full((8, 2), 0.2)
    model = sp.as_model(Far(bend), name="far")
    found = sp.confront(model, sp.Linf(0.1), search=searches.build("cascade"), examples=sp.examples(x, torch.zeros(8, dtype=torch.int64)))
    assert found.accuracy == 1.0
    rivals = next(stage for stage in found.stages if stage.name == "towards each rival")
    assert least <= rivals.backwards / 8 <= most
