"""Gradient searches inside a budget against the worst case of a linear model, and at the corners of the data."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from shiftproof.data.examples import Examples
from shiftproof.data.space import InputSpace
from shiftproof.door import confront
from shiftproof.models.torch_module import TorchModule
from shiftproof.searches import searches
from shiftproof.shifts.norms.ball import Ball
from shiftproof.shifts.norms.l1 import L1
from shiftproof.shifts.norms.l2 import L2
from shiftproof.shifts.norms.linf import Linf

N, FEATURES = 100, 12
EXACT = [
    "auto_step",
    "auto_step(steps=30, loss=margin, restarts=2)",
    "auto_step(loss=dlr)",
    "auto_step_targeted(n_targets=3, steps=30)",
    "nesterov_ascent(steps=40, step_size=0.1)",
    "momentum_ascent(steps=40, step_size=0.1)",
    "expectation(search=auto_step(steps=30), draws=2)",
]
EVERY = [
    *EXACT,
    "single_step",
    "single_step(random_start=true, step_size=1.25)",
    "iterated_step",
    "fast_minimum_norm(steps=50)",
    "decoupled_direction_norm(steps=50)",
    "deepfool",
    "boundary_projection(steps=20)",
    "boundary_projection_targeted(steps=10)",
    "carlini_wagner(steps=40, rounds=4, weight=0.1, step_size=0.05)",
    "elastic_net(steps=40, rounds=4, weight=1)",
    "sigma_zero(steps=30)",
    "saliency(steps=5)",
]


def problem(classes: int, features: int = FEATURES, *, low: float = 0.0, width: float = 1.0) -> tuple[TorchModule, Examples]:
    """A linear model in the box [low, low + width], with examples that it gets right, many at the box's ends."""
    generator = torch.Generator().manual_seed(classes)
    layer = nn.Linear(features, classes).requires_grad_(False)
    layer.weight.copy_(torch.randn(classes, features, generator=generator) / width)
    layer.bias.copy_(-layer.weight.sum(1) * (low + width / 2))
    x = low + width * (torch.rand(N, features, generator=generator) * 2 - 0.5).clamp(0, 1)
    model = TorchModule(layer, name="linear")
    space = InputSpace(low, low + width, "vector", f"[{low:g}, {low + width:g}]")
    return model, Examples(x, model.labels(x), np.array([f"{i}" for i in range(N)]), space=space)


def gain(weight: Tensor, low: Tensor, high: Tensor, shift: Ball) -> Tensor:
    """max weight . d over d in the ball and the box, row by row."""
    if isinstance(shift, Linf):
        return torch.maximum(weight * low.clamp_min(-shift.eps), weight * high.clamp_max(shift.eps)).sum(1)
    room = torch.where(weight > 0, high, -low)
    if isinstance(shift, L1):
        order = weight.abs().argsort(dim=1, descending=True)
        filled = room.gather(1, order)
        left = (shift.eps - (filled.cumsum(1) - filled)).clamp_min(0.0)
        return (torch.minimum(filled, left) * weight.abs().gather(1, order)).sum(1)
    short, long = torch.zeros(len(weight), 1, dtype=weight.dtype), torch.full((len(weight), 1), 1e6, dtype=weight.dtype)
    for _ in range(120):
        middle = (short + long) / 2
        fits = torch.minimum(middle * weight.abs(), room).norm(dim=1, keepdim=True) <= shift.eps
        short, long = middle.where(fits, short), long.where(fits, middle)
    return (torch.minimum(short * weight.abs(), room) * weight.abs()).sum(1)


def worst_margin(model: TorchModule, examples: Examples, shift: Ball) -> Tensor:
    """The largest margin that any legal move reaches, shape (n,)."""
    layer = model.module
    assert isinstance(layer, nn.Linear)
    weight, bias = layer.weight.double(), layer.bias.double()
    x, y = examples.x.double(), examples.y
    reached = []
    for other in range(len(weight)):
        v = weight[other] - weight[y]
        moved = (v * x).sum(1) + bias[other] - bias[y] + gain(v, examples.space.low - x, examples.space.high - x, shift)
        reached.append(moved.masked_fill(y == other, -torch.inf))
    return torch.stack(reached).amax(0)


@pytest.mark.parametrize("spec", EXACT)
@pytest.mark.parametrize("shift", [Linf(0.1), L2(0.3)], ids=lambda s: s.spec())
def test_two_classes_reach_the_closed_form_on_every_example(spec: str, shift: Ball) -> None:
    model, examples = problem(2)
    worst = worst_margin(model, examples, shift)
    clear = (worst.abs() > 1e-3).numpy()
    finding = confront(model, shift, search=searches.build(spec), examples=examples)
    assert (finding.correct == (worst < 0).numpy())[clear].all()
    assert 0.1 < finding.accuracy < 0.9
    assert not finding.flags


@pytest.mark.parametrize("shift", [Linf(0.1), L2(0.3)], ids=lambda s: s.spec())
@pytest.mark.parametrize("spec", ["auto_step_targeted(steps=30, loss=margin)", "auto_step_targeted(steps=50)"])
def test_ten_classes_reach_the_closed_form_on_every_example(spec: str, shift: Ball) -> None:
    """Towards each of the other nine classes the problem is a linear one."""
    model, examples = problem(10)
    worst = worst_margin(model, examples, shift)
    clear = (worst.abs() > 1e-3).numpy()
    finding = confront(model, shift, search=searches.build(spec), examples=examples)
    assert (finding.correct == (worst < 0).numpy())[clear].all()
    assert 0.05 < finding.accuracy < 0.95


@pytest.mark.parametrize("classes", [2, 3])
def test_sparse_steps_of_l1(classes: int) -> None:
    model, examples = problem(classes)
    shift = L1(0.6)
    truth = (worst_margin(model, examples, shift) < 0).numpy()
    finding = confront(model, shift, search=searches.build("auto_step_targeted(loss=margin)"), examples=examples)
    assert (finding.correct >= truth).all()
    assert finding.accuracy - truth.mean() <= 0.02
    assert 0.1 < truth.mean() < 0.9


def test_single_step_is_exact_in_linf_only() -> None:
    model, examples = problem(2)
    for shift, same in ((Linf(0.1), True), (L2(0.3), False)):
        truth = (worst_margin(model, examples, shift) < 0).numpy()
        finding = confront(model, shift, search=searches.build("single_step"), examples=examples)
        assert (finding.correct >= truth).all()
        assert bool((finding.correct == truth).all()) is same
        assert int(finding.backwards.max()) == 1


@pytest.mark.parametrize("spec", EVERY)
@pytest.mark.parametrize("classes", [2, 3])
def test_one_feature_in_a_box_of_its_own(spec: str, classes: int) -> None:
    """One column, standardised, in [-3, 5]: each search keeps its budget and the box, and finds what one threshold decides."""
    model, examples = problem(classes, features=1, low=-3.0, width=8.0)
    search = searches.build(spec)
    for shift in (Linf(1.0), L2(1.0), L1(1.0)):
        if search.objection(shift):
            continue
        worst = worst_margin(model, examples, shift)
        finding = confront(model, shift, search=search, examples=examples)
        assert (finding.correct >= (worst < 0).numpy())[(worst.abs() > 1e-3).numpy()].all()
        assert finding.accuracy < 1


@pytest.mark.parametrize("spec", EVERY)
def test_a_batch_that_is_all_wrong_costs_nothing(spec: str) -> None:
    model, examples = problem(3)
    wrong = Examples(examples.x, (examples.y + 1) % 3, examples.ids)
    search = searches.build(spec)
    shift: Ball = Linf(0.1) if not search.objection(Linf(0.1)) else L2(0.1)
    if search.objection(shift):
        shift = searches_l0()
    finding = confront(model, shift, search=search, examples=wrong)
    assert (finding.outcome == "skipped").all()
    assert (finding.forwards == search.verdict_draws).all()
    assert not finding.backwards.any()


def searches_l0() -> Ball:
    from shiftproof.shifts.norms.l0 import L0

    return L0(2)
