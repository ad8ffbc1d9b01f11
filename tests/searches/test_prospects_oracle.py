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


def given_up(slopes: list[float], missing: float, shift: Shift, jump: float = 0.0) -> list[bool]:
    """Whether each step gives up a climb that lacks `missing`, with these lengths of its gradient; `jump` comes at the second, and goes."""
    prospects = Prospects.of(shift, torch.zeros(1, 3))
    found = []
    for step, slope in enumerate(slopes):
        value = torch.tensor([(jump if step == 1 else 0.0) - missing])
        last = prospects.look(step, value, torch.tensor([[0.0, 0.0, slope]]), torch.zeros(1, 3))
        found.append(last and bool(prospects.too_far(value) & ~prospects.bent(value)))
    return found


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


def test_a_loss_that_does_something_else_than_its_slopes_say_is_not_given_up() -> None:
    assert not any(given_up([2.0] * 6, 9.0, sp.Linf(RADIUS), jump=1.0))  # as where units win and lose


def test_steps_bring_what_the_slopes_at_their_ends_say_within_a_tenth_of_what_is_lacking() -> None:
    for brought, bent in ((1.0, False), (1.7, False), (0.3, False), (2.0, True), (0.0, True)):
        prospects = Prospects.of(sp.L2(RADIUS), torch.zeros(1, 2))
        prospects.look(0, torch.tensor([-9.0]), torch.tensor([[1.5, 0.0]]), torch.zeros(1, 2))
        value = torch.tensor([-9.0 + brought])
        prospects.look(1, value, torch.tensor([[2.5, 0.0]]), torch.tensor([[0.5, 0.0]]))  # on average 2 over .5
        assert prospects.bent(value).tolist() == [bent], brought


def test_nothing_is_given_up_under_other_norms() -> None:
    assert not any(given_up([2.0] * 6, 100.0, L1(RADIUS)))


def test_parts_keep_what_was_seen() -> None:
    prospects = Prospects.of(sp.L2(RADIUS), torch.zeros(2, 1))
    for step in range(LOOKED - 1):
        prospects.look(step, -torch.ones(2), torch.tensor([[2.0], [0.5]]), torch.zeros(2, 1))
    steady, bent = (prospects[torch.tensor([first, not first])] for first in (True, False))
    assert steady.look(LOOKED - 1, -torch.ones(1), torch.tensor([[2.0]]), torch.zeros(1, 1))
    assert bent.look(LOOKED - 1, -torch.ones(1), torch.tensor([[2.0]]), torch.zeros(1, 1))
    assert steady.bent(-torch.ones(1)).tolist() == [False]
    assert bent.bent(-torch.ones(1)).tolist() == [True]


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
