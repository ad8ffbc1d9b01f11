"""Numbers as answers: the largest error inside a ball is a linear model's closed form, and the truth may move with the input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import numpy as np
import pytest
import torch
from torch import Tensor

import shiftproof as sp
from shiftproof import outcomes
from shiftproof._errors import UsageError
from shiftproof.oracle import Cost, Oracle
from shiftproof.searches import Square
from shiftproof.shifts import Boxed
from shiftproof.shifts.abstract import Params

WEIGHT = torch.tensor([[0.5, -1.5, 0.25, 2.0]])


def linear() -> Any:
    layer = torch.nn.Linear(4, 1)
    with torch.no_grad():
        layer.weight.copy_(WEIGHT)
        layer.bias.fill_(0.3)
    return sp.as_answers(layer, name="linear", said="numbers")


def targets(n: int = 40) -> Any:
    torch.manual_seed(0)
    x = 0.3 + 0.4 * torch.rand(n, 4)
    y = (x @ WEIGHT.T)[:, 0] + 0.3 + 0.05 * torch.randn(n)
    return sp.examples(x, y, truth="numbers")


@pytest.mark.parametrize(
    ("shift", "reach"),
    [(sp.Linf(0.1), 0.1 * float(WEIGHT.abs().sum())), (sp.L2(0.2), 0.2 * float(WEIGHT.norm()))],
)
def test_the_largest_error_is_the_closed_form(shift: Any, reach: float) -> None:
    """|w x + b - y| grows by exactly eps times the dual norm of w, whatever the tolerance stops a search at."""
    given, judge = targets(), sp.Within(absolute=0.2)
    error = (linear().scores(given.x)[:, 0].detach().double() - given.y.double()).abs()
    search = sp.GradientAscent(steps=40, random_start=False)
    finding = sp.confront(linear(), shift, search=search, examples=given, judge=judge, to_the_end=True)
    right = finding.outcome != outcomes.SKIPPED
    assert right.sum() > 30
    found = 0.2 * (finding.loss + 1)
    assert found[right] == pytest.approx((error + reach).numpy()[right], rel=2e-3)
    wrong = (error + reach > 0.2).numpy()
    assert (finding.outcome[right] == np.where(wrong, outcomes.BROKEN, outcomes.HELD)[right]).all()
    stopped = sp.confront(linear(), shift, search=search, examples=given, judge=judge)
    assert np.array_equal(stopped.outcome, finding.outcome)
    assert stopped.loss[right].mean() < finding.loss[right].mean()


def test_an_oracle_to_the_end_never_says_broken() -> None:
    given = targets(6)
    y = sp.Within(absolute=1e-9).truth(given)
    oracle = Oracle(linear(), sp.Linf(0.1), given.x, y, Cost.of(6), judge=sp.Within(absolute=1e-9))
    moves = torch.full((6, 4), 0.1)
    assert oracle(moves).broken.all()
    endless = oracle.to_the_end()
    assert not endless(moves).broken.any()
    assert torch.equal(endless(moves).margin, oracle(moves).margin)
    assert not endless.gradient(moves)[0].broken.any()
    assert not endless[torch.tensor([1, 2])].stops
    assert endless.beyond()(moves).broken.all(), "searches for least moves must know what breaks"


def test_searches_without_gradients_climb_the_error_too() -> None:
    given = targets(20)
    by_chance = sp.confront(linear(), sp.Linf(0.1), search=sp.BestOfN(2), examples=given, judge=sp.Within(absolute=0.4))
    square = sp.confront(linear(), sp.Linf(0.1), search=Square(queries=100), examples=given, judge=sp.Within(absolute=0.4))
    assert square.accuracy < by_chance.accuracy


@dataclass(frozen=True)
class Brighter(Boxed):
    """Adds the same to every number; the truth moves with it, by the weights' sum."""

    name: ClassVar[str] = "brighter"
    most: float = 0.2
    carries: bool = True

    def limits(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return (0.0,), (self.most,)

    def apply(self, x: Tensor, params: Params) -> Tensor:
        return x + params.to(x)

    def carry(self, x: Tensor, y: Tensor, params: Params) -> Tensor:
        return y + params[:, 0].to(y) * float(WEIGHT.sum()) if self.carries else y


@pytest.mark.parametrize("search", [sp.GradientAscent(steps=5), sp.Grid(points=5), sp.OneDraw()])
def test_the_truth_moves_with_the_input(search: Any) -> None:
    given, judge = targets(), sp.Within(absolute=0.2)
    moved, still = (sp.confront(linear(), Brighter(carries=c), search=search, examples=given, judge=judge) for c in (True, False))
    clean = sp.confront(linear(), Brighter(most=1e-9), search=sp.OneDraw(), examples=given, judge=judge)
    assert moved.accuracy == clean.accuracy, "a linear model is as right as before where the truth goes along"
    assert still.accuracy < clean.accuracy


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sp.confront(linear(), sp.Linf(0.1), search=sp.BestOfN(2), examples=targets()), "The judge classify compares classes, and"),
        (
            lambda: sp.confront(
                linear(),
                sp.Linf(0.1),
                search=__import__("shiftproof.searches").searches.Cascade(),
                examples=targets(),
                judge=sp.Within(0.1),
            ),
            "The search cascade cannot be used: it searches among classes, and the judge within knows none: use gradient_ascent",
        ),
        (
            lambda: sp.examples(np.zeros((2, 2)), [[0.1], [0.2]], truth="numbers"),
            r"The 'y' of the examples must have shape \(n,\) where it",
        ),
        (lambda: sp.examples(np.zeros((2, 2)), [0.5, 1.5]), "be whole numbers 0, 1, 2"),
        (lambda: sp.examples(np.zeros((2, 2)), [0, 1], truth=cast("Any", "ranks")), "The 'truth' of the examples must be labels, numbers"),
    ],
)
def test_numbers_where_none_belong_are_one_line(call: Callable[[], object], message: str) -> None:
    with pytest.raises(UsageError, match=message) as found:
        call()
    assert "\n" not in str(found.value)


def test_a_module_that_was_made_to_give_classes_is_not_read_as_numbers() -> None:
    """One output is then read as the logit of class 1, and no error of it would be that of a number."""
    classes = sp.as_model(torch.nn.Linear(4, 1), name="linear")
    with pytest.raises(UsageError, match=r"reads numbers, and the model 'linear' was made to give classes. Make it with .*said='numbers'"):
        sp.confront(classes, sp.Linf(0.1), search=sp.GradientAscent(), examples=targets(), judge=sp.Within(absolute=0.2))
