"""On a linear model the nearest failure and the worst case are known in closed form; searches without gradients must come near both."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from shiftproof.data.examples import Examples
from shiftproof.data.space import Column, InputSpace
from shiftproof.door import confront
from shiftproof.models.torch_module import TorchModule
from shiftproof.searches import boundary, searches
from shiftproof.searches._boundary_walk import BoundaryWalk
from shiftproof.searches._random_search import cosines
from shiftproof.searches.abstract import Search
from shiftproof.searches.bandits import Bandits
from shiftproof.searches.boundary import Boundary
from shiftproof.searches.genetic import Genetic
from shiftproof.searches.geometric import Geometric
from shiftproof.searches.gradient_estimate import GradientEstimate
from shiftproof.searches.hop_skip_jump import HopSkipJump
from shiftproof.searches.simple import Simple
from shiftproof.searches.sparse_random import SparseRandom
from shiftproof.searches.square import Square
from shiftproof.shifts.norms.ball import Ball
from shiftproof.shifts.norms.l0 import L0
from shiftproof.shifts.norms.l2 import L2
from shiftproof.shifts.norms.linf import Linf

N, FEATURES = 40, 12


def problem(classes: int, *, wall: bool = False, image: bool = False) -> tuple[TorchModule, Examples]:
    """Labels are the model's own. With `wall` a third of the features lie at the ends of the box."""
    generator = torch.Generator().manual_seed(classes)
    layer = nn.Linear(FEATURES, classes)
    with torch.no_grad():
        layer.weight.copy_(torch.randn(classes, FEATURES, generator=generator))
        layer.bias.copy_(-layer.weight.sum(1) / 2)
    unit = torch.rand(N, FEATURES, generator=generator)
    x = (unit * 2 - 0.5).clamp(0, 1) if wall else 0.35 + 0.3 * unit
    model = TorchModule(nn.Sequential(nn.Flatten(), layer), name="linear")
    x = x.reshape(N, 1, 3, 4) if image else x
    space = InputSpace(kind="image" if image else "vector")
    return model, Examples(x, model.labels(x), np.array([f"{i}" for i in range(N)]), space=space)


def weights(model: TorchModule) -> tuple[Tensor, Tensor]:
    layer = next(part for part in model.module.modules() if isinstance(part, nn.Linear))
    return layer.weight.detach().double(), layer.bias.detach().double()


def linf_worst(model: TorchModule, examples: Examples, eps: float) -> Tensor:
    """The largest margin inside the linf ball and the box, shape (n,)."""
    weight, bias = weights(model)
    x, y = examples.x.flatten(1).double(), examples.y
    low, high = (-x).clamp_min(-eps), (1 - x).clamp_max(eps)
    reached = torch.full((len(x), len(weight)), -torch.inf, dtype=torch.float64)
    for other in range(len(weight)):
        v = weight[other] - weight[y]
        moved = (v * x).sum(1) + bias[other] - bias[y] + torch.maximum(v * low, v * high).sum(1)
        reached[:, other] = moved.masked_fill(y == other, -torch.inf)
    return reached.amax(1)


def distances(model: TorchModule, examples: Examples, dual: float) -> Tensor:
    """The distance to the boundary away from the box's walls, shape (n,): |margin| over the dual norm, nearest class."""
    weight, bias = weights(model)
    x, y = examples.x.flatten(1).double(), examples.y
    found = torch.full((len(x), len(weight)), torch.inf, dtype=torch.float64)
    for other in range(len(weight)):
        v = weight[other] - weight[y]
        gap = -((v * x).sum(1) + bias[other] - bias[y])
        found[:, other] = (gap / v.norm(p=dual, dim=1)).masked_fill(y == other, torch.inf)
    return found.amin(1)


@pytest.mark.parametrize("search", [Square(queries=300), Simple(queries=60), Simple(queries=60, step_size=3.0)], ids=lambda s: s.spec())
@pytest.mark.parametrize(("eps", "wall"), [(0.01, False), (0.02, False), (0.1, True), (0.2, True)])
def test_corner_searches_reach_the_linf_worst_case(search: Search, eps: float, wall: bool) -> None:
    model, examples = problem(2, wall=wall)
    worst = linf_worst(model, examples, eps)
    finding = confront(model, Linf(eps), search=search, examples=examples)
    clear = (worst.abs() > 1e-3).numpy()
    assert 0.05 < (worst < 0).double().mean() < 0.95
    assert (finding.correct == (worst < 0).numpy())[clear].all()
    held = finding.outcome == "held"
    assert np.allclose(finding.loss[held], nn.functional.softplus(worst).numpy()[held], rtol=1e-4)
    assert finding.forwards[held].max() == search.most_passes(Linf(eps)) + 2


def test_square_on_images_reaches_the_worst_case_with_squares() -> None:
    model, examples = problem(2, image=True)
    worst = linf_worst(model, examples, 0.1)
    finding = confront(model, Linf(0.1), search=Square(queries=600), examples=examples)
    assert (finding.correct == (worst < 0).numpy())[(worst.abs() > 1e-3).numpy()].all()


@pytest.mark.parametrize(("image", "factor"), [(False, 1.05), (True, 1.3)])
def test_square_comes_close_to_the_l2_worst_case(image: bool, factor: float) -> None:
    """In an image of 3 by 4 squares of 3 are coarse; sets of features are not."""
    model, examples = problem(2, image=image)
    exact = distances(model, examples, 2)
    eps = float(exact.median())
    finding = confront(model, L2(eps), search=Square(queries=600), examples=examples)
    broken = torch.from_numpy(finding.outcome == "broken")
    assert not broken[exact > eps * 1.001].any()
    assert broken[exact < eps / factor].all()


@pytest.mark.parametrize("classes", [2, 3, 10])
@pytest.mark.parametrize(
    ("search", "factor"),
    [
        (HopSkipJump(queries=600, draws=40), 1.25),
        (Geometric(queries=600, draws=40), 1.25),
        (Boundary(queries=1000), 1.5),
    ],
    ids=["hop_skip_jump", "geometric", "boundary"],
)
def test_decision_searches_come_near_the_exact_l2_distance(search: Search, factor: float, classes: int) -> None:
    """At a budget of `factor` times an example's distance it is broken; at any budget below the distance it never is."""
    model, examples = problem(classes)
    exact = distances(model, examples, 2)
    assert float(exact.max()) * factor < 0.9  # the walls are not in the way of most
    missed = 0
    for share in (0.4, 0.8):
        eps = float(exact.quantile(share))
        finding = confront(model, L2(eps), search=search, examples=examples)
        broken = torch.from_numpy(finding.outcome == "broken")
        assert not broken[exact > eps * 1.001].any()
        missed += int((~broken[exact < eps / factor]).sum())
        assert not finding.flags
    assert missed <= 1  # of some fifty; with many classes a walk can stay at a boundary that is not the nearest


@pytest.mark.parametrize("search", [HopSkipJump(queries=600, draws=40), Geometric(queries=600, draws=40)], ids=lambda s: s.name)
def test_decision_searches_come_near_the_exact_linf_distance(search: Search) -> None:
    model, examples = problem(2)
    exact = distances(model, examples, 1)
    eps = float(exact.quantile(0.6))
    finding = confront(model, Linf(eps), search=search, examples=examples)
    broken = torch.from_numpy(finding.outcome == "broken")
    assert not broken[exact > eps * 1.001].any()
    assert broken[exact < eps / 1.25].all()


@pytest.mark.parametrize(
    ("search", "share"),
    [
        (GradientEstimate(steps=40, draws=6), 0.95),
        (GradientEstimate(steps=40, draws=6, method="nes"), 0.95),
        (Bandits(queries=500), 0.9),
        (Genetic(queries=600), 0.8),
        (Simple(queries=400), 0.9),
    ],
    ids=lambda s: s.spec() if isinstance(s, Search) else "",
)
@pytest.mark.parametrize("norm", [Linf, L2])
@pytest.mark.parametrize("classes", [2, 10])
def test_score_searches_find_most_of_what_can_be_broken(search: Search, share: float, norm: type[Ball], classes: int) -> None:
    model, examples = problem(classes)
    exact = distances(model, examples, 1 if norm is Linf else 2)
    eps = float(exact.quantile(0.7))
    finding = confront(model, norm(eps), search=search, examples=examples)
    broken = torch.from_numpy(finding.outcome == "broken")
    assert not broken[exact > eps * 1.001].any()
    assert broken[exact < eps / 1.1].double().mean() >= share


@pytest.mark.parametrize("image", [False, True])
def test_sparse_random_reaches_the_l0_worst_case(image: bool) -> None:
    """With two classes the worst set of k features is that of the k largest gains."""
    model, examples = problem(2, wall=True, image=image)
    weight, bias = weights(model)
    x, y = examples.x.flatten(1).double(), examples.y
    v = weight[1 - y] - weight[y]
    gains = torch.maximum(v * -x, v * (1 - x)).sort(dim=1, descending=True).values
    clean = (v * x).sum(1) + bias[1 - y] - bias[y]
    worst = clean + gains[:, :1].sum(1)
    assert 0.05 < (worst < 0).double().mean() < 0.95
    finding = confront(model, L0(1), search=SparseRandom(queries=400), examples=examples)
    assert (finding.correct == (worst < 0).numpy())[(worst.abs() > 1e-3).numpy()].all()


def test_the_walk_of_boundary_only_comes_nearer(monkeypatch: pytest.MonkeyPatch) -> None:
    model, examples = problem(3)
    seen: list[Tensor] = []

    class Watched(BoundaryWalk):
        def ask(self, rows: Tensor, moves: Tensor) -> Tensor:
            wrong = super().ask(rows, moves)
            seen.append(self.distance.clone())
            return wrong

    monkeypatch.setattr(boundary, "BoundaryWalk", Watched)
    confront(model, L2(0.01), search=Boundary(queries=300), examples=examples)
    path = torch.stack(seen)
    assert len(path) >= 300
    assert (path[1:] <= path[:-1]).all()
    assert (path[-1] < path[60] * 0.75).double().mean() > 0.8


def test_tables_stay_legal() -> None:
    """Integer columns move by whole numbers, categorical ones not at all; a search still finds what the free columns allow."""
    columns = (Column("a", "real", 0, 10), Column("b", "integer", 0, 20), Column("c", "categorical", 0, 2, ("x", "y", "z")))
    weight = torch.tensor([[0.0, 0.0, 0.0], [0.1, 0.05, 5.0]])
    layer = nn.Linear(3, 2)
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.bias.copy_(torch.tensor([0.0, -1.0]))
    model = TorchModule(layer, name="table")
    x = torch.stack([torch.linspace(1, 9, N), torch.arange(N) % 21.0, torch.zeros(N)], dim=1)
    examples = Examples(x, model.labels(x), np.array([str(i) for i in range(N)]), space=InputSpace(kind="table", columns=columns))
    step = torch.tensor([1.0, 2.0])
    v = weight[1, :2] * (1 - 2 * examples.y[:, None])
    low, high = torch.maximum(-x[:, :2], -step), torch.minimum(torch.tensor([10.0, 20.0]) - x[:, :2], step)
    gap = (weight[1] * x).sum(1) - 1
    worst = gap * (1 - 2 * examples.y) + torch.maximum(v * low, v * high).sum(1)
    clear = (worst.abs() > 1e-3).numpy()
    for search in (Square(queries=100), Simple(queries=40), HopSkipJump(queries=300, draws=20), Genetic(queries=200)):
        finding = confront(model, Linf(0.1), search=search, examples=examples)
        moved = Linf(0.1).within(examples.space).apply(x, torch.from_numpy(finding.params).float())
        assert torch.equal(moved[:, 1], moved[:, 1].round())
        assert torch.equal(moved[:, 2], x[:, 2])
        assert (finding.correct >= (worst < 0).numpy())[clear].all()
        if isinstance(search, Square | Simple):
            assert (finding.correct == (worst < 0).numpy())[clear].all()


def test_the_cosines_are_an_orthonormal_basis() -> None:
    for side in (1, 2, 7):
        assert torch.allclose(cosines(side) @ cosines(side).T, torch.eye(side, dtype=torch.float64), atol=1e-12)


def test_simple_along_frequencies() -> None:
    model, examples = problem(2, image=True)
    exact = distances(model, examples, 2)
    eps = float(exact.quantile(0.7))
    search = Simple(queries=200, basis="dct", frequencies=1.0, step_size=0.2)
    finding = confront(model, L2(eps), search=search, examples=examples)
    broken = torch.from_numpy(finding.outcome == "broken")
    assert not broken[exact > eps * 1.001].any()
    assert broken[exact < eps / 1.3].double().mean() > 0.9


def test_the_share_of_square_falls_as_in_the_paper() -> None:
    """10,000 queries: the published schedule; fewer: the same, compressed."""
    search = Square(queries=10_000, share=0.8)
    stops = (0, 10, 11, 50, 51, 200, 201, 500, 501, 1000, 1001, 2000, 2001, 4000, 4001, 6000, 6001, 8000, 8001)
    halvings = [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9]
    assert [search._share(stop) for stop in stops] == [0.8 / 2**k for k in halvings]
    assert Square(queries=100, share=0.8)._share(99) == 0.8 / 2**9


def test_registered_under_their_own_names_and_the_papers() -> None:
    for alias, name in (("square_attack", "square"), ("hsj", "hop_skip_jump"), ("simba", "simple"), ("spsa", "gradient_estimate")):
        assert searches.get(alias) is searches.get(name)
    assert isinstance(searches.build("square(queries=7)"), Square)
