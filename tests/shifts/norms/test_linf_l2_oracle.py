"""Norm balls against the exact projection, found by other means, and on tables."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from scipy import optimize
from torch import Tensor

from shiftproof._errors import UsageError
from shiftproof.data.space import Column, InputSpace
from shiftproof.randomness import Rng
from shiftproof.shifts import L2, Linf
from shiftproof.shifts.norms.ball import Ball

AGE = Column("age", "integer", 17, 58)  # a range of 41, whose inverse is not a float
PAY = Column("pay", "real", 0.0, 1000.0)
JOB = Column("job", "categorical", 0, 2, ("a", "b", "c"))
TABLE = InputSpace(kind="table", units="shares of each column's range", columns=(AGE, PAY, JOB))


def cases(n: int, size: int, seed: int) -> tuple[Tensor, Tensor]:
    """Inputs in the unit box, many of them near its walls, and moves that leave ball and box."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(n, size, generator=generator, dtype=torch.float64)
    x = torch.where(torch.rand(n, size, generator=generator) < 0.3, x.round(), x)
    return x, torch.randn(n, size, generator=generator, dtype=torch.float64) * 2


def by_dykstra(x: Tensor, move: Tensor, ball: Callable[[Tensor], Tensor]) -> Tensor:
    """The projection on the box and the ball together from those on each (Boyle & Dykstra 1986): it knows nothing of how ours is found."""
    here = move
    for_ball, for_box = torch.zeros_like(move), torch.zeros_like(move)
    for _ in range(2000):
        on_ball = ball(here + for_ball)
        for_ball = here + for_ball - on_ball
        here = torch.minimum(torch.maximum(on_ball + for_box, -x), 1 - x)
        for_box = on_ball + for_box - here
    return here


@pytest.mark.parametrize("eps", [0.05, 0.3, 0.9, 1.2])
@pytest.mark.parametrize("size", [2, 5, 40])
def test_project_is_the_nearest_point_of_ball_and_box(eps: float, size: int) -> None:
    x, move = cases(12, size, seed=size)
    on_sphere = by_dykstra(x, move, lambda d: d * (eps / d.norm(dim=1, keepdim=True)).clamp(max=1))
    torch.testing.assert_close(L2(eps).project(x, move), on_sphere, atol=1e-6, rtol=0)
    if eps <= 1:
        on_cube = by_dykstra(x, move, lambda d: d.clamp(-eps, eps))
        torch.testing.assert_close(Linf(eps).project(x, move), on_cube, atol=1e-6, rtol=0)


def by_bisection(x: Tensor, move: Tensor, eps: float) -> Tensor:
    """clip(s d) with the s in [0, 1] whose length is eps, one row at a time."""

    def at(s: float) -> Tensor:
        return torch.minimum(torch.maximum(s * move, -x), 1 - x)

    if float(at(1.0).norm()) <= eps:
        return at(1.0)
    return at(float(optimize.brentq(lambda s: float(at(s).norm()) - eps, 0.0, 1.0, xtol=1e-16)))


def test_l2_project_is_exact_where_walls_are_met_one_after_another() -> None:
    # Rooms and moves spread over many orders, so that each new scale clips further features.
    size = 60
    room = torch.logspace(-6, -0.5, size, dtype=torch.float64)
    x = (1 - room)[None].repeat(4, 1)
    move = torch.logspace(0, 6, size, dtype=torch.float64).flip(0)[None].repeat(4, 1)
    move[1] = move[1].flip(0)
    move[2] = 1.0
    for eps in (1e-4, 1e-2, 0.3, 0.6):
        ours = L2(eps).project(x, move)
        for row in range(len(x)):
            torch.testing.assert_close(ours[row], by_bisection(x[row], move[row], eps), atol=1e-9 * eps, rtol=1e-7)


def test_l2_project_uses_the_whole_budget_in_float32_at_the_size_of_a_picture() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(3, 3, 64, 64, generator=generator).round(decimals=1)
    shift = L2(5.0)
    moved = shift.project(x, torch.randn(x.shape, generator=generator))
    torch.testing.assert_close(shift.norm(moved), torch.full((3,), 5.0), rtol=1e-5, atol=0)
    assert bool((x + moved).clamp(0, 1).sub(x + moved).abs().max() < 1e-6)


@pytest.mark.parametrize("shift", [L2(0.4), Linf(0.3)])
def test_no_legal_move_is_nearer(shift: Ball) -> None:
    x, move = cases(4, 3, seed=11)
    ours = (shift.project(x, move) - move).norm(dim=1)
    for k in range(200):
        other = shift.project(x, torch.randn(4, 3, generator=torch.Generator().manual_seed(k), dtype=torch.float64))
        assert bool((ours <= (other - move).norm(dim=1) + 1e-9).all())


def people() -> Tensor:
    return torch.tensor([[17.0, 500.0, 1.0], [40.0, 0.0, 2.0], [58.0, 999.0, 0.0]])


@pytest.mark.parametrize("spec", ["linf", "l2"])
@pytest.mark.parametrize("steps", [1, 3, 10])
def test_on_tables_only_numbers_move_and_integers_by_whole_steps(spec: str, steps: int) -> None:
    eps = steps / 41
    shift = (Linf(eps) if spec == "linf" else L2(eps)).within(TABLE)
    x = people()
    for sign in (1.0, -1.0):
        only_age = torch.tensor([sign, 0.0, 7.0]).repeat(3, 1)
        moved = shift.apply(x, shift.project(x, only_age))
        assert torch.equal(moved[:, 1:], x[:, 1:])
        room = (58 - x[:, 0]) if sign > 0 else (x[:, 0] - 17)
        # Exactly the whole steps that the share buys (1/41 of 41 years is one year), as far as the wall.
        assert torch.equal((moved[:, 0] - x[:, 0]).abs(), room.clamp(max=float(steps)))


@pytest.mark.parametrize(("step", "width"), [(1, 41), (3, 37), (7, 23), (1, 61), (2, 47)])
def test_a_share_that_is_whole_but_for_rounding_is_whole(step: int, width: int) -> None:
    shift = Linf(step / width).within(InputSpace(kind="table", columns=(Column("count", "integer", 0, width),)))
    assert float(shift.apply(torch.zeros(1, 1), torch.tensor([[step / width]]))) == step
    assert float(shift.apply(torch.full((1, 1), float(width)), torch.tensor([[-step / width]]))) == width - step
    assert float(shift.apply(torch.zeros(1, 1), torch.tensor([[0.99 * step / width]]))) == step - 1


@pytest.mark.parametrize("shift", [Linf(0.07), L2(0.07)])
def test_on_tables_draws_stay_inside_their_share(shift: Ball) -> None:
    shift = shift.within(TABLE)
    x = people().repeat(50, 1)
    params = shift.sample(x, Rng.for_ids(0, [str(i) for i in range(len(x))]))
    assert bool((shift.excess(x, params) <= shift.tolerance).all())
    moved = shift.apply(x, params)
    assert torch.equal(moved[:, 2], x[:, 2])
    assert torch.equal(moved[:, 0], moved[:, 0].round())
    share = (moved - x).abs() / torch.tensor([41.0, 1000.0, 1.0])
    assert float(share.max()) <= 0.07 * (1 + 1e-5)
    assert float(share[:, 0].max()) > 0
    assert bool((moved >= torch.tensor([17.0, 0.0, 0.0])).all() and (moved <= torch.tensor([58.0, 1000.0, 2.0])).all())


def test_a_real_column_at_its_wall_never_leaves_the_box_by_rounding() -> None:
    columns = (AGE, Column("rate", "real", -0.1, 0.7))
    shift = Linf(0.9).within(InputSpace(kind="table", columns=columns))
    rate = torch.rand(2000, generator=torch.Generator().manual_seed(1)) * 0.8 - 0.1
    x = torch.stack([torch.full((2000,), 30.0), rate.clamp(-0.1, 0.7)], dim=1)
    moved = shift.apply(x, shift.project(x, torch.ones(2000, 2)))
    assert float(moved[:, 1].max()) <= float(torch.tensor(0.7))


def test_gradients_pass_through_the_rounding_of_integer_columns() -> None:
    shift = Linf(0.2).within(TABLE)
    params = torch.zeros(3, 3, requires_grad=True)
    (gradient,) = torch.autograd.grad(shift.apply(people(), params).sum(), params)
    assert torch.equal(gradient[1], torch.tensor([41.0, 1000.0, 0.0]))


@pytest.mark.parametrize("eps", [0.0, -8.0, math.inf, math.nan])
def test_eps_must_be_positive(eps: float) -> None:
    with pytest.raises(UsageError, match=r"The 'eps' of linf must be in \(0, inf\), got .*Units are those of the inputs"):
        Linf(eps)


def test_eps_beyond_the_box_is_refused() -> None:
    with pytest.raises(UsageError, match=r"The 'eps' of linf must be at most 1, which already reaches every input, got 8"):
        Linf(8.0).within(InputSpace())
    assert Linf(8.0, space=InputSpace(0, 255, units="[0, 255]")).eps == 8.0


def test_a_table_of_categories_is_refused() -> None:
    with pytest.raises(UsageError, match="l2 moves numbers, and every column of this table is categorical: nothing could move"):
        L2(0.5).within(InputSpace(kind="table", columns=(JOB,)))
