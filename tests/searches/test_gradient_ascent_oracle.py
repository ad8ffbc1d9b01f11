"""On a linear model the worst case is known in closed form, box included; gradient ascent must reach it on every example."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from shiftproof.data.examples import Examples
from shiftproof.data.space import InputSpace
from shiftproof.door import confront
from shiftproof.finding import Finding
from shiftproof.models.torch_module import TorchModule
from shiftproof.searches.gradient_ascent import GradientAscent
from shiftproof.shifts.norms.ball import Ball
from shiftproof.shifts.norms.l2 import L2
from shiftproof.shifts.norms.linf import Linf

N, FEATURES = 120, 12


def problem(classes: int, *, sharp: float = 1.0, box_active: bool = True) -> tuple[TorchModule, Examples]:
    """Labels are the model's own; where the box is active, a third of the features sit at its ends."""
    generator = torch.Generator().manual_seed(classes)
    layer = nn.Linear(FEATURES, classes)
    with torch.no_grad():
        layer.weight.copy_(torch.randn(classes, FEATURES, generator=generator) * sharp)
        layer.bias.copy_(-layer.weight.sum(1) / 2)
    unit = torch.rand(N, FEATURES, generator=generator)
    x = (unit * 2 - 0.5).clamp(0, 1) if box_active else 0.35 + 0.3 * unit
    model = TorchModule(layer, name="linear")
    return model, Examples(x, model.labels(x), np.array([f"{i}" for i in range(N)]))


def best_linear(v: Tensor, low: Tensor, high: Tensor, shift: Ball) -> Tensor:
    """max v . d over d in the ball and low <= d <= high, row by row, float64."""
    if isinstance(shift, Linf):
        low, high = low.clamp_min(-shift.eps), high.clamp_max(shift.eps)
        return torch.maximum(v * low, v * high).sum(1)
    # With the box, d = clip(t v, low, high) for the t at which the whole budget is used; its length grows with t, so bisection finds it.
    shortest, longest = torch.zeros(len(v), 1, dtype=v.dtype), torch.full((len(v), 1), 1e6, dtype=v.dtype)
    for _ in range(200):
        middle = (shortest + longest) / 2
        fits = torch.minimum(torch.maximum(middle * v, low), high).norm(dim=1, keepdim=True) <= shift.eps
        shortest, longest = middle.where(fits, shortest), longest.where(fits, middle)
    return (torch.minimum(torch.maximum(shortest * v, low), high) * v).sum(1)


def worst_margin(model: TorchModule, examples: Examples, shift: Ball) -> Tensor:
    """The largest margin that any move inside the shift reaches, shape (n,)."""
    layer = model.module
    assert isinstance(layer, nn.Linear)
    weight, bias = layer.weight.detach().double(), layer.bias.detach().double()
    x, y = examples.x.double(), examples.y
    reached = torch.full((len(x), len(weight)), -torch.inf, dtype=torch.float64)
    for other in range(len(weight)):
        v = weight[other] - weight[y]
        clean = (v * x).sum(1) + bias[other] - bias[y]
        moved = clean + best_linear(v, examples.space.low - x, examples.space.high - x, shift)
        reached[:, other] = moved.masked_fill(y == other, -torch.inf)
    return reached.amax(1)


def agree(finding: Finding, worst: Tensor) -> None:
    """Same verdict on every example that does not lie on the boundary up to rounding."""
    clear = (worst.abs() > 1e-3).numpy()
    assert clear.mean() > 0.9
    assert (finding.correct == (worst < 0).numpy())[clear].all()


SHIFTS = [Linf(0.02), Linf(0.1), Linf(0.3), L2(0.1), L2(0.4), L2(0.9)]
SEARCHES = [
    GradientAscent(),
    GradientAscent(steps=20, restarts=3),
    GradientAscent(momentum=0.9),
    GradientAscent(random_start=False),
    GradientAscent(loss="margin", random_start=False),
    GradientAscent(steps=30, restarts=3, step_size=0.2),
    GradientAscent(momentum=0.9, step_size=0.2),
    GradientAscent(schedule="linear", step_size=0.3),
    GradientAscent(schedule="cosine", step_size=0.3),
    GradientAscent(loss="margin", step_size=0.2, drop=False),
]


CASES = [(shift, search) for shift in SHIFTS for search in SEARCHES]


@pytest.mark.parametrize(("shift", "search"), CASES, ids=[f"{shift.spec()}-{search.spec()}" for shift, search in CASES])
def test_two_classes_reach_the_closed_form(shift: Ball, search: GradientAscent) -> None:
    model, examples = problem(2)
    worst = worst_margin(model, examples, shift)
    finding = confront(model, shift, search=search, examples=examples)
    agree(finding, worst)
    held = finding.outcome == "held"
    exact = torch.nn.functional.softplus(worst).numpy()  # the cross-entropy of two classes at the worst move
    assert np.allclose(finding.loss[held], exact[held], rtol=1e-3, atol=1e-5)
    assert not finding.flags


@pytest.mark.parametrize("shift", [L2(0.1), L2(0.4)], ids=lambda s: s.spec())
def test_a_path_of_2_5_radii_falls_short_in_l2_and_the_default_does_not(shift: Ball) -> None:
    """Why the path of l2 is 6 radii long: the share of the way from the clean margin to the worst that a chance start covers."""
    model, examples = problem(2)
    clean, worst = (worst_margin(model, examples, s).numpy() for s in (L2(1e-9), shift))
    least = []
    for search in (GradientAscent(step_size=2.5 / 40), GradientAscent()):
        finding = confront(model, shift, search=search, examples=examples)
        held = finding.outcome == "held"
        share = (np.log(np.expm1(finding.loss[held])) - clean[held]) / (worst[held] - clean[held])
        assert share.max() <= 1 + 1e-3
        least.append(float(share.min()))
    assert 0.9 < least[0] < 0.99
    assert least[1] > 0.999


def test_shifts_split_the_sample() -> None:
    """The budgets above are neither too small to break any example nor so large that they break all."""
    model, examples = problem(2)
    shares = [float((worst_margin(model, examples, shift) < 0).double().mean()) for shift in SHIFTS]
    assert max(shares[0], shares[3]) > 0.8
    assert min(shares[2], shares[5]) < 0.4


@pytest.mark.parametrize("shift", [Linf(0.1), L2(0.4)], ids=lambda s: s.spec())
def test_away_from_the_box_the_closed_form_is_the_dual_norm(shift: Ball) -> None:
    model, examples = problem(2, box_active=False)
    layer = model.module
    assert isinstance(layer, nn.Linear)
    v = (layer.weight[1] - layer.weight[0]).detach()
    reach = shift.eps * float(v.abs().sum() if isinstance(shift, Linf) else v.norm())
    clean = (examples.x @ v + layer.bias[1] - layer.bias[0]).detach().abs()
    worst = worst_margin(model, examples, shift)
    assert torch.allclose(worst.float(), reach - clean, atol=1e-5)
    agree(confront(model, shift, search=GradientAscent(), examples=examples), worst)


@pytest.mark.parametrize("loss", ["margin", "cross_entropy"])
@pytest.mark.parametrize("shift", [Linf(0.1), L2(0.4)], ids=lambda s: s.spec())
def test_confident_model(shift: Ball, loss: str) -> None:
    """Scores that differ by some 30 must not hide the way: in float32 a probability of 1 - 1e-13 is 1."""
    model, examples = problem(2, sharp=12.0)
    worst = worst_margin(model, examples, shift)
    assert float(worst_margin(model, examples, L2(1e-9)).amin()) < -30
    finding = confront(model, shift, search=GradientAscent(loss=loss, step_size=0.2), examples=examples)
    agree(finding, worst)
    assert not finding.flags


@pytest.mark.parametrize(("loss", "missed"), [("margin", 0.01), ("cross_entropy", 0.06)])
@pytest.mark.parametrize("shift", [Linf(0.05), Linf(0.1), L2(0.2), L2(0.4)], ids=lambda s: s.spec())
def test_many_classes(shift: Ball, loss: str, missed: float) -> None:
    """With more classes, climbing towards one can end short of another: never beyond the closed form, and close to it."""
    model, examples = problem(5)
    worst = worst_margin(model, examples, shift)
    finding = confront(model, shift, search=GradientAscent(loss=loss, restarts=4, step_size=0.2), examples=examples)
    truth = (worst < 0).numpy()
    assert (finding.correct >= truth)[(worst.abs() > 1e-3).numpy()].all()
    assert finding.accuracy - truth.mean() <= missed


def test_the_nearest_class_can_be_the_wrong_one_to_climb_to() -> None:
    """Why the docstring promises two classes only: class 1 is nearer and hard to reach, class 2 further off and easy."""
    layer = nn.Linear(2, 3)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 10.0]]))
        layer.bias.copy_(torch.tensor([0.0, -0.7, -6.0]))
    model = TorchModule(layer, name="three")
    examples = Examples(torch.full((1, 2), 0.5), torch.tensor([0]), np.array(["a"]))
    shift = Linf(0.12)
    assert float(worst_margin(model, examples, shift)) == pytest.approx(0.2, abs=1e-5)
    assert confront(model, shift, search=GradientAscent(random_start=False, loss="margin"), examples=examples).accuracy == 1.0
    assert confront(model, shift, search=GradientAscent(restarts=20, loss="margin"), examples=examples).accuracy == 0.0


@pytest.mark.parametrize("shift", [Linf(20.0), L2(80.0)], ids=lambda s: s.spec())
def test_boxes_in_other_units(shift: Ball) -> None:
    """The same in a box of 0 to 255."""
    model, examples = problem(2, sharp=1 / 255)
    layer = model.module
    assert isinstance(layer, nn.Linear)
    with torch.no_grad():
        layer.bias.mul_(255)
    wide = Examples(examples.x * 255, examples.y, examples.ids, space=InputSpace(0.0, 255.0, units="[0, 255]"))
    assert torch.equal(model.labels(wide.x), wide.y)
    agree(confront(model, shift, search=GradientAscent(step_size=0.2), examples=wide), worst_margin(model, wide, shift))
