"""Searches for least moves against the exact least distance: closed form on linear models, by enumeration on a two-layer network."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from shiftproof.data.examples import Examples
from shiftproof.door import confront
from shiftproof.evaluation.curves.security_curve import security_curve
from shiftproof.models.torch_module import TorchModule
from shiftproof.searches import searches
from shiftproof.shifts.norms.ball import Ball
from shiftproof.shifts.norms.l0 import L0
from shiftproof.shifts.norms.l1 import L1
from shiftproof.shifts.norms.l2 import L2
from shiftproof.shifts.norms.linf import Linf

N, FEATURES = 40, 10
BALLS: dict[str, Ball] = {"linf": Linf(0.1), "l2": L2(0.1), "l1": L1(0.1), "l0": L0(1)}


def problem(classes: int, *, box_active: bool) -> tuple[TorchModule, Examples]:
    """A linear model and examples that it gets right; where the box is active, many features sit at its ends."""
    generator = torch.Generator().manual_seed(10 * classes)
    layer = nn.Linear(FEATURES, classes).requires_grad_(False)
    layer.weight.copy_(torch.randn(classes, FEATURES, generator=generator))
    layer.bias.copy_(-layer.weight.sum(1) / 2)
    unit = torch.rand(N, FEATURES, generator=generator)
    x = (unit * 2 - 0.5).clamp(0, 1) if box_active else 0.4 + 0.2 * unit
    model = TorchModule(layer, name="linear")
    return model, Examples(x, model.labels(x), np.array([f"{i}" for i in range(N)]))


def least_move(weight: Tensor, gap: float, low: Tensor, high: Tensor, norm: str) -> float:
    """The least norm of a d in the box with weight . d = gap > 0; infinite where there is none. Bisection, or one feature after another."""
    room = torch.where(weight > 0, high, -low)
    gain = weight.abs() * room
    if float(gain.sum()) < gap:
        return float("inf")
    if norm == "l0":
        return float((gain.sort(descending=True).values.cumsum(0) < gap).sum()) + 1
    if norm == "l1":
        spent, missing = 0.0, gap
        for i in weight.abs().argsort(descending=True).tolist():
            used = min(missing, float(gain[i]))
            spent, missing = spent + used / max(float(weight[i].abs()), 1e-30), missing - used
            if missing <= 0:
                break
        return spent
    slope = torch.ones_like(weight) if norm == "linf" else weight.abs()
    short, long = 0.0, 1e9
    for _ in range(200):
        level = (short + long) / 2
        short, long = (level, long) if float((weight.abs() * torch.minimum(level * slope, room)).sum()) < gap else (short, level)
    move = torch.minimum(long * slope, room) * (weight != 0)
    return float(move.max() if norm == "linf" else move.norm())


def least_distance(model: TorchModule, examples: Examples, norm: str) -> Tensor:
    """The least distance to any other class's boundary inside the box, shape (n,), float64."""
    layer = model.module
    assert isinstance(layer, nn.Linear)
    weight, bias = layer.weight.double(), layer.bias.double()
    found = []
    for x, y in zip(examples.x.double(), examples.y.tolist(), strict=True):
        others = [k for k in range(len(weight)) if k != y]
        gaps = [float(-((weight[k] - weight[y]) @ x + bias[k] - bias[y])) for k in others]
        found.append(min(least_move(weight[k] - weight[y], gap, -x, 1 - x, norm) for k, gap in zip(others, gaps, strict=True)))
    return torch.tensor(found, dtype=torch.float64)


def ratios(spec: str, norm: str, classes: int, *, box_active: bool) -> Tensor:
    """Found size over exact least distance, shape (n,)."""
    model, examples = problem(classes, box_active=box_active)
    curve = security_curve(model, BALLS[norm], search=searches.build(spec), examples=examples)
    assert not curve.flags
    return torch.from_numpy(curve.size) / least_distance(model, examples, norm)


# spec, norm, classes, box active, the largest ratio that its paper's method allows here
WITHIN = [
    *[("fast_minimum_norm(steps=200)", norm, 2, box, 1.01) for norm in ("linf", "l2") for box in (False, True)],
    ("fast_minimum_norm(steps=200)", "l1", 2, False, 1.01),
    ("decoupled_direction_norm(steps=200)", "l2", 2, False, 1.01),
    ("decoupled_direction_norm(steps=200)", "l2", 2, True, 1.01),
    *[("deepfool(overshoot=0.005)", norm, *where, 1.01) for norm in ("linf", "l2") for where in ((2, False), (2, True), (10, False))],
    *[("boundary_projection", norm, classes, False, 1.01) for norm in ("linf", "l2", "l1") for classes in (2, 10)],
    ("boundary_projection", "linf", 2, True, 1.01),
    ("boundary_projection_targeted(steps=60)", "l2", 3, True, 1.01),
]


@pytest.mark.parametrize(("spec", "norm", "classes", "box_active", "most"), WITHIN)
def test_within_the_bound_on_every_example(spec: str, norm: str, classes: int, box_active: bool, most: float) -> None:
    found = ratios(spec, norm, classes, box_active=box_active)
    assert float(found.min()) > 1 - 1e-3  # nothing is nearer than the boundary
    assert float(found.max()) <= most


# Where the method has no such bound (it goes towards one class, mixes classes, weighs two norms or counts): the median, measured.
MEDIAN = [
    *[("fast_minimum_norm", norm, 10, True, 1.01) for norm in ("linf", "l2", "l1")],
    ("decoupled_direction_norm(loss=margin)", "l2", 10, True, 1.02),
    ("decoupled_direction_norm", "l2", 10, True, 1.25),
    ("elastic_net(steps=100, rounds=5, weight=0.1)", "l1", 2, True, 1.06),
    ("carlini_wagner(steps=200, rounds=5, step_size=0.02, weight=0.1)", "l2", 2, False, 1.01),
    ("fast_minimum_norm", "l0", 10, True, 1.0),
    ("sigma_zero", "l0", 10, True, 1.0),
    ("saliency", "l0", 2, True, 1.0),
]


@pytest.mark.parametrize(("spec", "norm", "classes", "box_active", "most"), MEDIAN)
def test_median_near_the_least_distance(spec: str, norm: str, classes: int, box_active: bool, most: float) -> None:
    found = ratios(spec, norm, classes, box_active=box_active)
    assert float(found.min()) > 1 - 1e-3
    assert bool(found.isfinite().all())
    assert float(found.median()) <= most


def test_the_tests_exact_distance_by_brute_force() -> None:
    """The closed form above, on two features, against a fine grid of moves."""
    weight, low, high = torch.tensor([2.0, -1.0]), torch.tensor([-0.9, -0.2]), torch.tensor([0.1, 0.8])
    axis = [torch.linspace(float(a), float(b), 1201) for a, b in zip(low, high, strict=True)]
    grid = torch.cartesian_prod(*axis)
    for gap in (0.1, 0.3):
        enough = grid[grid @ weight >= gap]
        assert least_move(weight, gap, low, high, "linf") == pytest.approx(float(enough.abs().amax(1).min()), abs=2e-3)
        assert least_move(weight, gap, low, high, "l2") == pytest.approx(float(enough.norm(dim=1).min()), abs=2e-3)
        assert least_move(weight, gap, low, high, "l1") == pytest.approx(float(enough.abs().sum(1).min()), abs=2e-3)
    assert least_move(weight, 0.3, low, high, "l0") == 2
    assert least_move(weight, 0.1, low, high, "l0") == 1
    assert least_move(weight, 9.0, low, high, "l2") == float("inf")


def two_layers(classes: int) -> TorchModule:
    """A ReLU network on two features with bent boundaries."""
    generator = torch.Generator().manual_seed(3)
    inner, outer = nn.Linear(2, 8).requires_grad_(False), nn.Linear(8, classes).requires_grad_(False)
    inner.weight.copy_(torch.randn(8, 2, generator=generator) * 3)
    inner.bias.copy_(-inner.weight.sum(1) / 2 + torch.randn(8, generator=generator) * 0.3)
    outer.weight.copy_(torch.randn(classes, 8, generator=generator))
    outer.bias.copy_(-outer.weight.clamp_min(0).sum(1) * 0.2)
    return TorchModule(nn.Sequential(inner, nn.ReLU(), outer), name="two layers")


def enumerated(model: TorchModule, norm: str, count: int) -> tuple[Examples, Tensor, float]:
    """Examples, the least distance of each to a point of a fine grid of another class, shape (n,), and the grid's cells' size."""
    side = torch.linspace(0, 1, 401)
    grid = torch.cartesian_prod(side, side)
    decided = model.labels(grid)
    x = torch.rand(count, 2, generator=torch.Generator().manual_seed(5))
    examples = Examples(x, model.labels(x), np.array([f"{i}" for i in range(len(x))]))
    away = (grid[None] - x[:, None]).abs()
    size = away.amax(2) if norm == "linf" else away.norm(dim=2)
    least = size.masked_fill(decided[None] == examples.y[:, None], torch.inf).amin(1)
    return examples, least, 1 / 400 * (1 if norm == "linf" else 2**0.5)


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("classes", [2, 3])
def test_two_layers_against_every_point_of_a_fine_grid(norm: str, classes: int) -> None:
    """No search finds less than the grid's least distance, and the best of a few restarts comes close to it on most examples."""
    model = two_layers(classes)
    examples, least, cell = enumerated(model, norm, 40)
    for spec, near in (("boundary_projection(restarts=3)", 0.9), ("fast_minimum_norm", 0.4), ("deepfool", 0.2)):
        found = torch.from_numpy(security_curve(model, BALLS[norm], search=searches.build(spec), examples=examples).size)
        assert bool((found >= least - cell).all())
        share = float((found <= 1.05 * least + cell).double().mean())
        assert share >= near, (spec, share)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_the_cascade_breaks_what_a_fine_grid_breaks_and_nothing_more(norm: str) -> None:
    model = two_layers(3)
    examples, least, cell = enumerated(model, norm, 40)
    near = least.argsort()[12:20].numpy()  # around the budget, where it is hard
    examples, least = examples[near], least[near]
    eps = float(least[4]) * 1.01  # not at the very edge of a grid point
    finding = confront(model, type(BALLS[norm])(eps), search=searches.build("cascade"), examples=examples)
    broken = torch.from_numpy(finding.outcome == "broken")
    assert not broken[least > eps + cell].any()
    assert broken[least <= eps].all()
    assert 0 < int((least > eps + cell).sum()) < len(least)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_confront_and_the_curve_agree_at_every_budget(norm: str) -> None:
    """Under a budget a search for least moves breaks the same examples as its one run to the end says."""
    model, examples = problem(3, box_active=True)
    search = searches.build("fast_minimum_norm")
    curve = security_curve(model, BALLS[norm], search=search, examples=examples)
    for eps, batch_size in itertools.product((0.02, 0.1, 0.3), (7, 256)):
        finding = confront(model, type(BALLS[norm])(eps), search=search, examples=examples, batch_size=batch_size)
        assert (finding.correct == (curve.size > eps)).all()
        assert finding.accuracy == curve.accuracy(eps)
        assert not finding.flags
    early = confront(model, type(BALLS[norm])(0.3), search=search, examples=examples)
    assert early.forwards.mean() < curve.forwards.mean()  # examples are left out once the budget is met
