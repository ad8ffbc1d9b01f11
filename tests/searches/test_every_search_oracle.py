"""Every registered worst-case search, in every norm that it can search, against the exact least distance of a linear model in a box."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from shiftproof.data.examples import Examples
from shiftproof.door import confront
from shiftproof.models.torch_module import TorchModule
from shiftproof.outcomes import Bound
from shiftproof.searches import searches
from shiftproof.searches._norms import _L0, _NORMS, Norm, to_plane
from shiftproof.shifts import shifts

N, FEATURES = 12, 4
GEOMETRY: dict[str, Norm] = {**_NORMS, "l0": _L0()}

SPECS = {
    "best_of_n": "best_of_n(n=600)",
    "bandits": "bandits(queries=800)",
    "boundary": "boundary(queries=1000)",
    "carlini_wagner": "carlini_wagner(steps=200, rounds=5, step_size=0.02, weight=0.1)",
    "decoupled_direction_norm": "decoupled_direction_norm(steps=200)",
    "deepfool": "deepfool(overshoot=0.005)",
    "elastic_net": "elastic_net(steps=200, rounds=6, weight=0.1)",
    "expectation": "expectation(draws=2)",
    "fast_minimum_norm": "fast_minimum_norm(steps=200)",
    "genetic": "genetic(queries=800)",
    "geometric": "geometric(queries=500, draws=30)",
    "gradient_estimate": "gradient_estimate(steps=40, draws=6)",
    "hop_skip_jump": "hop_skip_jump(queries=500, draws=30)",
    "simple": "simple(queries=400)",
    "sparse_random": "sparse_random(queries=300)",
    "square": "square(queries=500)",
}
"""Where the default settings are too short for a bound, or longer than they need be here."""

OF_TEXTS = ("textfooler", "bae")
"""They need a model of the user's, and move words only."""

GRADIENTS, OTHERS = 1.01, 1.25
LOOSER = {
    # Published with steps that add up to one radius: where the box cuts them short they do not get round the corner.
    **{(name, norm): 1.25 for name in ("single_step", "iterated_step", "momentum_ascent", "nesterov_ascent") for norm in ("l1", "l2")},
    ("single_step", "l1"): float("inf"),  # one step moves a single feature of four, whatever room that has
    ("elastic_net", "l1"): 1.25,  # it weighs two norms, and the least of neither is its optimum
    ("elastic_net", "l2"): 1.25,
    **{("best_of_n", norm): 1.5 for norm in GEOMETRY},  # chance: a hundredth of the ball of four features gets two thirds of the way
}
FEW = {"cascade": 4, "query_cascade": 2}
SLOW = ("query_cascade", "cascade", "best_of_n", "carlini_wagner", "elastic_net", "genetic")
"""How many examples the long ones get."""
RESTARTS = {"gradient_ascent": "gradient_ascent(restarts=5)"}
"""Under l0, where which features are picked is a matter of the start."""


def spec_of(name: str, norm: str) -> str:
    return RESTARTS.get(name, name) if norm == "l0" and name in RESTARTS else SPECS.get(name, name)


def problem(count: int) -> tuple[TorchModule, Examples]:
    """Two classes; a good part of the features sits at the ends of the box."""
    generator = torch.Generator().manual_seed(0)
    layer = nn.Linear(FEATURES, 2).requires_grad_(False)
    layer.weight.copy_(torch.randn(2, FEATURES, generator=generator))
    layer.bias.copy_(-layer.weight.sum(1) / 2)
    x = (torch.rand(N, FEATURES, generator=generator) * 2 - 0.5).clamp(0, 1)[:count]
    model = TorchModule(layer, name="linear")
    return model, Examples(x, model.labels(x), np.array([f"{i}" for i in range(len(x))]))


def exact(model: TorchModule, examples: Examples, norm: str) -> Tensor:
    """The least size of a move in the box that reaches the boundary, shape (n,), by bisection on the size: by nothing of the library."""
    layer = model.module
    assert isinstance(layer, nn.Linear)
    weight, bias = layer.weight.double(), layer.bias.double()
    found = []
    for x, y in zip(examples.x.double(), examples.y.tolist(), strict=True):
        v = weight[1 - y] - weight[y]
        gap = -float(v @ x + bias[1 - y] - bias[y])
        room = torch.where(v > 0, 1 - x, x)
        short, long = 0.0, float(FEATURES)
        for _ in range(60):
            middle = (short + long) / 2
            short, long = (middle, long) if _gain(v.abs(), room, middle, norm) < gap else (short, middle)
        found.append(float(np.ceil(long - 1e-9)) if norm == "l0" else long)
    return torch.tensor(found, dtype=torch.float64)


def _gain(slope: Tensor, room: Tensor, size: float, norm: str) -> float:
    """The most that a move of this size gains."""
    if norm == "linf":
        return float((slope * room.clamp_max(size)).sum())
    if norm == "l0":
        return float((slope * room).sort(descending=True).values[: int(size)].sum())
    if norm == "l1":
        left, gained = size, 0.0
        for i in slope.argsort(descending=True).tolist():
            used = min(left, float(room[i]))
            left, gained = left - used, gained + used * float(slope[i])
        return gained
    short, long = 0.0, 1e6
    for _ in range(80):
        level = (short + long) / 2
        short, long = (level, long) if float(torch.minimum(level * slope, room).norm()) <= size else (short, level)
    return float((slope * torch.minimum(short * slope, room)).sum())


def cases() -> list[object]:
    found: list[object] = []
    for name in searches.names():
        if name in OF_TEXTS:
            continue
        search = searches.build(SPECS.get(name, name))
        for norm in GEOMETRY:
            if search.bound is Bound.AT_MOST and not search.objection(shifts.build(f"{norm}(eps=1)")):
                found.append(pytest.param(name, norm, marks=pytest.mark.slow) if name in SLOW else (name, norm))
    return found


@pytest.mark.parametrize(("name", "norm"), cases())
def test_within_the_bound_of_the_exact_least_distance(name: str, norm: str) -> None:
    search = searches.build(spec_of(name, norm))
    needs_gradients = search.needs.__name__ == "Gradients"
    most = LOOSER.get((name, norm), GRADIENTS if needs_gradients else OTHERS)
    model, examples = problem(FEW.get(name, N))
    least = exact(model, examples, norm)
    assert bool(least.isfinite().all())
    eps = 1.0 if norm == "l0" else float(least.median()) * 1.02
    finding = confront(model, shifts.build(f"{norm}(eps={eps})"), search=search, examples=examples)
    broken = torch.from_numpy(finding.outcome == "broken")
    assert not broken[least > eps * 1.0001].any()  # nothing is nearer than the boundary
    assert broken[least <= eps / (1.0 if norm == "l0" else most)].all()
    assert not finding.flags or needs_gradients


def test_the_budgets_split_the_examples() -> None:
    model, examples = problem(N)
    for norm in GEOMETRY:
        least = exact(model, examples, norm)
        share = float((least <= (1.0 if norm == "l0" else float(least.median()) * 1.02)).double().mean())
        assert 0.2 < share < 0.8


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
def test_the_library_goes_to_the_plane_by_the_least_way(norm: str) -> None:
    """`to_plane`, which several searches build on, against the bisection here."""
    model, examples = problem(N)
    layer = model.module
    assert isinstance(layer, nn.Linear)
    x, y = examples.x.double(), examples.y
    v = (layer.weight[1 - y] - layer.weight[y]).double()
    gap = -((v * x).sum(1) + (layer.bias[1 - y] - layer.bias[y]).double())
    move = to_plane(GEOMETRY[norm], v, gap, -x, 1 - x)
    assert torch.allclose((v * move).sum(1), gap, atol=1e-6)
    size = {"linf": move.abs().amax(1), "l2": move.norm(dim=1), "l1": move.abs().sum(1)}[norm]
    assert torch.allclose(size, exact(model, examples, norm), rtol=1e-6)
