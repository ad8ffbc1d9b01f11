"""L1, L0, unions and levels: exact projections found by other means, steps, draws and every message."""

from __future__ import annotations

import itertools

import pytest
import torch
from scipy import optimize
from torch import Tensor

from shiftproof._errors import UsageError
from shiftproof.data.space import Column, InputSpace
from shiftproof.randomness import Rng
from shiftproof.shifts import L0, L1, L2, Linf, Union
from shiftproof.shifts.norms.ball import Ball

IMAGES = InputSpace(kind="image")


def cases(n: int, size: int, seed: int) -> tuple[Tensor, Tensor]:
    """Inputs in the unit box, many of them at its walls, and moves that leave ball and box."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(n, size, generator=generator, dtype=torch.float64)
    x = torch.where(torch.rand(n, size, generator=generator) < 0.3, x.round(), x)
    return x, torch.randn(n, size, generator=generator, dtype=torch.float64)


def names(n: int) -> list[str]:
    return [str(i) for i in range(n)]


@pytest.mark.parametrize("eps", [0.05, 0.5, 1.7, 5.0])
@pytest.mark.parametrize("size", [2, 6, 40])
def test_l1_project_is_the_root_that_uses_the_budget(eps: float, size: int) -> None:
    x, move = cases(12, size, seed=size)
    ours = L1(eps).project(x, move)
    room = torch.where(move > 0, 1 - x, x)

    def at(row: int, level: float) -> Tensor:
        return move[row].sign() * torch.minimum((move[row].abs() - level).clamp_min(0), room[row])

    for row in range(len(x)):
        level = 0.0
        if float(at(row, 0.0).abs().sum()) > eps:
            level = float(optimize.brentq(lambda t, row=row: float(at(row, t).abs().sum()) - eps, 0.0, 10.0, xtol=1e-15))
        torch.testing.assert_close(ours[row], at(row, level), atol=1e-9, rtol=0)


def test_l1_project_is_the_nearest_point_of_ball_and_box() -> None:
    x, move = cases(6, 4, seed=1)
    ours = L1(0.6).project(x, move)
    for row in range(len(x)):
        # As the difference of two positive parts the ball is linear, and a solver that knows nothing of ours can be asked.
        bounds = [(0.0, float(1 - v)) for v in x[row]] + [(0.0, float(v)) for v in x[row]]
        target = move[row].numpy()
        found = optimize.minimize(
            lambda d, target=target: ((d[:4] - d[4:] - target) ** 2).sum(),
            [0.01] * 8,
            bounds=bounds,
            constraints={"type": "ineq", "fun": lambda d: 0.6 - d.sum()},
            method="SLSQP",
            options={"ftol": 1e-14, "maxiter": 500},
        )
        torch.testing.assert_close(ours[row], torch.from_numpy(found.x[:4] - found.x[4:]), atol=1e-5, rtol=0)


def test_l1_project_uses_the_whole_budget_in_float32_at_the_size_of_a_picture() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(3, 3, 64, 64, generator=generator).round(decimals=1)
    move = L1(20.0).project(x, torch.randn(x.shape, generator=generator) * 3)
    torch.testing.assert_close(L1(20.0).norm(move), torch.full((3,), 20.0), rtol=1e-5, atol=0)
    assert bool(((x + move >= -1e-6) & (x + move <= 1 + 1e-6)).all())


def test_l1_draws_are_uniform_in_the_ball() -> None:
    shift = L1(2.0).within(InputSpace(-10, 10))
    draws = shift.sample(torch.zeros(6000, 3), Rng.for_ids(0, names(6000)))
    # The volume within radius r is r^3 of the whole, so (size / eps)^3 is uniform.
    levels = (shift.norm(draws) / 2).pow(3).sort().values
    assert float((levels - (torch.arange(6000) + 0.5) / 6000).abs().max()) < 1.63 / 6000**0.5  # Kolmogorov, 1 %
    assert float(draws.abs().mean(0).std()) < 0.02


def test_l1_steps_are_sparse_and_of_the_radius() -> None:
    shift, gradient = L1(3.0), torch.randn(5, 200, generator=torch.Generator().manual_seed(0))
    first = shift.ascend(torch.zeros(5, 200), gradient, 0.5)
    assert torch.equal((first != 0).sum(1), torch.full((5,), 4))  # a fiftieth
    torch.testing.assert_close(first.abs().sum(1), torch.full((5,), 1.5))
    strongest = gradient.abs().topk(4, dim=1).indices
    assert bool((first.gather(1, strongest).sign() == gradient.gather(1, strongest).sign()).all())
    sparse = torch.zeros(5, 200)
    sparse[:, :2] = 0.1
    assert torch.equal((shift.ascend(sparse, gradient, 0.5) != sparse).sum(1), torch.full((5,), 2))  # two thirds of 2, rounded up


@pytest.mark.parametrize("k", [1, 2, 3])
def test_l0_project_is_the_best_of_all_choices(k: int) -> None:
    x, move = cases(20, 5, seed=k)
    ours = L0(k).project(x, move)
    fits = torch.minimum(torch.maximum(move, -x), 1 - x)
    best = torch.full((20,), torch.inf, dtype=torch.float64)
    for chosen in itertools.combinations(range(5), k):
        tried = torch.zeros_like(move)
        tried[:, chosen] = fits[:, chosen]
        best = torch.minimum(best, (tried - move).square().sum(1))
    torch.testing.assert_close((ours - move).square().sum(1), best)
    assert bool(((ours != 0).sum(1) <= k).all())


def test_l0_counts_pixels_of_images_and_columns_of_tables() -> None:
    x = torch.rand(4, 3, 5, 5, generator=torch.Generator().manual_seed(0))
    shift = L0(2).within(IMAGES)
    moved = shift.apply(x, shift.project(x, torch.randn(x.shape, generator=torch.Generator().manual_seed(1))))
    assert torch.equal((moved != x).any(1).flatten(1).sum(1), torch.tensor([2] * 4))
    drawn = shift.sample(x, Rng.for_ids(0, names(4)))
    assert torch.equal(shift.norm(drawn), torch.full((4,), 2.0))
    columns = (Column("a", "real", 0, 1), Column("b", "integer", 0, 9), Column("c", "categorical", 0, 1, ("x", "y")))
    with pytest.raises(UsageError, match="The 'eps' of l0 must be at most 2, which already reaches every input, got 3"):
        L0(3).within(InputSpace(kind="table", columns=columns))


@pytest.mark.parametrize(("eps", "rule"), [(0.5, "be a whole number from 1 on"), (2.5, "be a whole number from 1 on"), (-1.0, "be in")])
def test_l0_eps_is_a_count(eps: float, rule: str) -> None:
    with pytest.raises(UsageError, match=f"The 'eps' of l0 must {rule}"):
        L0(eps)


def test_l0_needs_a_box() -> None:
    with pytest.raises(UsageError, match="l0 moves by shares of the inputs' range, and any number is unbounded"):
        L0(2).within(InputSpace(float("-inf"), float("inf"), units="any number"))


@pytest.mark.parametrize(
    "shift", [Linf(8 / 255, levels=256), Linf(8.7 / 255, levels=256), L2(0.5, levels=256), L1(3.0, levels=32), L0(3, levels=4)]
)
def test_moved_pixels_are_on_the_levels_and_inside_the_budget(shift: Ball) -> None:
    shift = shift.within(IMAGES)
    steps = shift.levels - 1
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(0, shift.levels, (8, 3, 6, 6), generator=generator).float() / steps
    move = shift.project(x, torch.randn(x.shape, generator=generator))
    moved = shift.apply(x, move)
    assert torch.equal(moved, (moved * steps).round() / steps)
    assert bool((shift.norm(moved - x) <= shift.eps * (1 + 1e-6)).all())
    assert bool((shift.norm(moved - x) >= 0.8 * shift.norm(move)).all())  # the rounding leaves little of the budget unused
    assert bool((moved != x).flatten(1).any(1).all())
    leaf = move.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(shift.apply(x, leaf).sum(), leaf)
    assert torch.equal(gradient, torch.ones_like(gradient))


def test_a_pixel_between_levels_stays_unless_it_reaches_one() -> None:
    shift = Linf(0.2, levels=5)
    x = torch.tensor([[0.3, 0.3, 0.4]])
    torch.testing.assert_close(shift.apply(x, torch.tensor([[0.1, -0.06, 0.15]])), torch.tensor([[0.3, 0.25, 0.5]]))


def test_levels_are_refused_where_they_mean_nothing() -> None:
    with pytest.raises(UsageError, match="The 'levels' of linf must be 0 .any value. or at least 2, got 1"):
        Linf(0.1, levels=1)
    with pytest.raises(UsageError, match="The levels of l2 apply to one box, and a table declares"):
        L2(0.1, levels=4).within(InputSpace(kind="table", columns=(Column("a", "real", 0, 1),)))
    with pytest.raises(UsageError, match="linf moves by shares of the inputs' range"):
        Linf(0.1, levels=4).within(InputSpace(float("-inf"), float("inf"), units="any number"))


def test_the_nearest_point_of_a_union_is_the_nearest_of_its_balls() -> None:
    x, move = cases(30, 6, seed=3)
    shift = Union(linf=0.2, l2=0.45, l1=0.8)
    nearest = shift.nearest(x, move)
    assert bool((shift.excess(x, nearest) <= shift.tolerance).all())
    gap = (nearest[:, 1:] - move).norm(dim=1)
    each = torch.stack([(member.project(x, move) - move).norm(dim=1) for member in shift.members])
    torch.testing.assert_close(gap, each.amin(0))
    assert len(set(nearest[:, 0].tolist())) > 1


def test_a_union_draws_from_every_ball_and_stays_in_the_one_named() -> None:
    shift = Union(linf=0.1, l0=2)
    x = torch.rand(400, 9, generator=torch.Generator().manual_seed(0))
    params = shift.sample(x, Rng.for_ids(0, names(400)))
    share = float(params[:, 0].mean())
    assert 0.4 < share < 0.6
    for number, member in enumerate(shift.members):
        mine = params[:, 0] == number
        assert bool((member.excess(x[mine], params[mine, 1:]) <= member.tolerance).all())
    climbed = shift.project(x, shift.ascend(params, torch.ones_like(params), 1.0))
    assert torch.equal(climbed[:, 0], params[:, 0])


def test_a_union_of_one_is_refused() -> None:
    with pytest.raises(UsageError, match=r"A union needs at least two balls, got linf\(eps=0.1\)"):
        Union(linf=0.1)
    with pytest.raises(UsageError, match="at least two balls, got none"):
        Union()
    with pytest.raises(UsageError, match="The 'eps' of l2 must be in"):
        Union(linf=0.1, l2=-1.0)
    with pytest.raises(UsageError, match="The 'eps' of linf must be at most 1"):
        Union(linf=2.0, l2=1.0).within(InputSpace())
