"""Searches: what they find, what they spend, and what they refuse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor

from shiftproof._errors import UsageError
from shiftproof.data.examples import Examples
from shiftproof.door import confront
from shiftproof.models.abstract import Gradients
from shiftproof.oracle import Answer, judge
from shiftproof.searches.abstract import Incumbent
from shiftproof.searches.best_of_n import BestOfN
from shiftproof.searches.gradient_ascent import GradientAscent
from shiftproof.searches.grid import Grid
from shiftproof.searches.one_draw import OneDraw
from shiftproof.shifts.abstract import Boxed, Params
from shiftproof.shifts.identity import Identity
from shiftproof.shifts.norms.l2 import L2
from shiftproof.shifts.norms.linf import Linf


@dataclass(frozen=True)
class Slide(Boxed):
    """Adds one number to the first feature, another to the second."""

    name: ClassVar[str] = "slide"
    reach: float = 0.4

    def limits(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return (-self.reach, -self.reach), (self.reach, self.reach)

    def apply(self, x: Tensor, params: Params) -> Tensor:
        return (x + params.to(x)).clamp(self.space.low, self.space.high)


@dataclass(frozen=True)
class RandomSlide(Slide):
    name: ClassVar[str] = "random_slide"
    random: ClassVar[bool] = True


class Counting(Gradients):
    """Right unless the input comes near a planted spot; counts rows of every pass."""

    def __init__(self, spot: tuple[float, float] | None = None, radius: float = 0.01) -> None:
        self.spot, self.radius = spot, radius
        self.rows = 0

    @property
    def name(self) -> str:
        return "counting"

    def fingerprint(self) -> str:
        return "counting"

    def scores(self, x: Tensor) -> Tensor:
        self.rows += len(x)
        safe = 1e-3 * x[:, 0] - 1
        wrong = safe if self.spot is None else self.radius - (x - torch.tensor(self.spot)).norm(dim=1)
        return torch.stack([torch.zeros_like(wrong), wrong], dim=1)


def centred(n: int = 3) -> Examples:
    return Examples(torch.full((n, 2), 0.5), torch.zeros(n, dtype=torch.int64), np.array([f"{i}" for i in range(n)]))


PREFLIGHT = 3 + 3 + 1
"""Rows of three looks at three examples, the last at one of them."""


def test_grid_finds_a_failure_planted_at_a_grid_point() -> None:
    spot = (0.5 - 0.4 + 0.8 * 6 / 8, 0.5 - 0.4 + 0.8 * 1 / 8)
    finding = confront(Counting(spot), Slide(), search=Grid(points=9), examples=centred())
    assert (finding.outcome == "broken").all()
    assert np.allclose(finding.params, [[0.2, -0.3]] * 3)


def test_grid_misses_what_lies_between_its_points() -> None:
    spot = (0.5 - 0.4 + 0.8 * 6.5 / 8, 0.5)
    assert confront(Counting(spot), Slide(), search=Grid(points=9), examples=centred()).accuracy == 1.0


def test_grid_spends_until_it_breaks() -> None:
    model = Counting()
    finding = confront(model, Slide(), search=Grid(points=4), examples=centred())
    assert (finding.forwards == 1 + 16 + 1).all()  # clean verdict, every point, the move found
    assert (finding.backwards == 0).all()
    assert model.rows == finding.forwards.sum() + PREFLIGHT
    corner = confront(Counting((0.1, 0.1), radius=0.2), Slide(), search=Grid(points=4), examples=centred())
    assert (corner.forwards == 3).all()  # the first point breaks it


@pytest.mark.parametrize(("steps", "restarts"), [(1, 1), (5, 1), (4, 3)])
def test_gradient_ascent_spends_what_it_says(steps: int, restarts: int) -> None:
    model, search = Counting(), GradientAscent(steps=steps, restarts=restarts)
    finding = confront(model, Linf(0.1), search=search, examples=centred())
    ends = restarts if restarts > 1 else 0  # those of several are compared; that of one is scored by the door alone
    assert (finding.forwards == 1 + restarts * steps + ends + 1).all()
    assert (finding.backwards == restarts * steps).all()
    assert search.most_passes(Linf(0.1)) == restarts * 2 * steps + ends
    assert model.rows == finding.forwards.sum() + PREFLIGHT


def test_best_of_n_and_one_draw_spend_what_they_say() -> None:
    assert (confront(Counting(), Linf(0.1), search=BestOfN(6), examples=centred()).forwards == 8).all()
    assert (confront(Counting(), Linf(0.1), search=OneDraw(), examples=centred()).forwards == 1).all()
    assert [BestOfN(6).most_passes(Linf(0.1)), OneDraw().most_passes(Linf(0.1)), Grid(4).most_passes(Slide())] == [6, 0, 16]
    assert Grid(4).most_passes(Linf(0.1)) == 0  # it cannot search that


def test_a_search_without_steps_to_climb_keeps_the_unmoved_input() -> None:
    class Flat(Counting):
        def scores(self, x: Tensor) -> Tensor:
            return torch.stack([x[:, 0] * 0 + 2, x[:, 0] * 0], dim=1)

    finding = confront(Flat(), Linf(0.1), search=GradientAscent(random_start=False), examples=centred())
    assert (finding.params == 0).all()
    assert [flag.name for flag in finding.flags] == ["zero_gradients"]
    assert finding.flags[0].share == 1.0


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: BestOfN(0), "The 'n' of best_of_n must be at least 1, got 0."),
        (lambda: Grid(1), "The 'points' of grid must be at least 2, got 1."),
        (lambda: GradientAscent(steps=0), "The 'steps' of gradient_ascent must be at least 1, got 0."),
        (lambda: GradientAscent(restarts=0), "The 'restarts' of gradient_ascent must be at least 1, got 0."),
        (lambda: GradientAscent(step_size=-0.1), "The 'step_size' of gradient_ascent must be at least 0, got -0.1."),
        (lambda: GradientAscent(momentum=float("nan")), "The 'momentum' of gradient_ascent must be at least 0, got nan."),
        (
            lambda: GradientAscent(schedule="steep"),
            "The 'schedule' of gradient_ascent must be one of constant, linear, cosine, got 'steep'.",
        ),
        (lambda: GradientAscent(loss="margn"), "Unknown loss 'margn'. Did you mean: margin?"),
    ],
)
def test_wrong_options(build: type, message: str) -> None:
    with pytest.raises(UsageError) as error:
        build()
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("search", "shift", "why"),
    [
        (Grid(), Linf(0.1), "linf has too many parameters for a grid"),
        (Grid(), RandomSlide(), "random_slide is random, so a grid cannot cover its draws: use best_of_n"),
        (Grid(), Identity(), "identity has only one move, so there is nothing to search: use one_draw"),
        (BestOfN(3), Identity(), "identity has only one move, so there is nothing to search: use one_draw"),
        (GradientAscent(), RandomSlide(), "random_slide is random, and its seed has no gradient: use best_of_n"),
        (GradientAscent(), Identity(), "identity has only one move, so there is nothing to search: use one_draw"),
    ],
)
def test_objections(search: Grid | BestOfN | GradientAscent, shift: Boxed | Linf, why: str) -> None:
    with pytest.raises(UsageError) as error:
        confront(Counting(), shift, search=search, examples=centred())
    assert str(error.value) == f"The search {search.name} cannot be used: {why}."
    assert OneDraw().objection(shift) is None


def test_incumbent_keeps_the_worst_and_then_the_broken() -> None:
    best = Incumbent(torch.zeros(3, 1))
    y = torch.zeros(3, dtype=torch.int64)

    def step(value: float, margins: list[float]) -> None:
        best.update(torch.arange(3), torch.full((3, 1), value), judge(torch.tensor([[0.0, m] for m in margins]), y))

    step(1.0, [-3.0, -3.0, -3.0])
    step(2.0, [-2.0, -4.0, 1.0])
    step(3.0, [-1.0, 2.0, 5.0])
    assert best.params[:, 0].tolist() == [3.0, 3.0, 2.0]  # the third broke at 2 and stays there
    assert best.broken.tolist() == [False, True, True]
    assert best.standing().tolist() == [0]
    labels_only = Answer(torch.tensor([True]))
    best.update(torch.tensor([0]), torch.full((1, 1), 9.0), labels_only)
    assert best.params[0].item() == 9.0
    assert not len(best.standing())


def test_l2_and_linf_moves_found_are_inside() -> None:
    for shift in (Linf(0.05), L2(0.05)):
        finding = confront(Counting((0.9, 0.9)), shift, search=GradientAscent(steps=4), examples=centred())
        size = np.abs(finding.params).max(1) if shift.name == "linf" else np.linalg.norm(finding.params, axis=1)
        assert (size <= 0.05 + 1e-6).all()
        assert (size >= 0.05 - 1e-3).all()  # it climbs to the edge
