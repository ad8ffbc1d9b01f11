"""The contract of a shift's geometry: unbiased draws, correct gradients, an origin inside the budget, and moves within eps."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from shiftproof._errors import UsageError
from shiftproof.conformance.probes import names_of, noise
from shiftproof.conformance.report import Failed, NotApplicable, expect
from shiftproof.conformance.shift import ShiftCase
from shiftproof.data.space import InputSpace
from shiftproof.randomness import Rng
from shiftproof.shifts.abstract import SEED_RANGE, Boxed, Differentiable, Params
from shiftproof.shifts.norms.ball import Ball

DRAWS = 8192
ALARM = 1e-6
"""A fair sampler is rejected with at most this probability. The seed is fixed, so a given sampler is rejected always or never."""


def draws_have_no_bias(case: ShiftCase) -> None:
    """Random draws have no preferred direction: their mean is the midpoint (a two-sided test at 1e-6)."""
    shift = case.shift
    if isinstance(shift, Ball):
        draws, middle = _ball_draws(case, shift)
    elif isinstance(shift, Boxed):
        draws, middle = _boxed_draws(case, shift)
    else:
        raise NotApplicable("Its moves have no known midpoint.")
    if not draws.shape[1]:
        raise NotApplicable("Its own sampler draws from limits that are not symmetric, so the expected mean is not known.")
    mean, spread = draws.mean(0), draws.std(0)
    # For constant draws any distance from the midpoint is a bias. Otherwise the mean of many draws is normal.
    error = spread / math.sqrt(len(draws))
    z = (mean - middle).abs() / error.clamp_min(1e-7 * (1 + middle.abs()))
    limit = math.sqrt(2) * float(torch.erfinv(torch.tensor(1 - ALARM / draws.shape[1], dtype=torch.float64)))
    worst = int(z.argmax())
    expect(
        float(z[worst]) <= limit,
        f"The mean of {len(draws)} draws of number {worst} is {float(mean[worst]):.4g}, {float(z[worst]):.1f} standard errors from "
        f"the midpoint {float(middle[worst]):.4g} (allowed: at most {limit:.1f}). The average case would be measured on the wrong moves.",
    )


def _ball_draws(case: ShiftCase, shift: Ball) -> tuple[Tensor, Tensor]:
    """Draws at the centre of a box so wide that it never clips: a move and its negative are equally likely."""
    if case.shift.space.columns:
        raise NotApplicable("The ranges of the columns clip the ball.")
    shape = tuple(min(size, 3) for size in case.x.shape[1:])
    try:
        wide = shift.within(InputSpace(-1e3, 1e3, shift.space.kind))
    except UsageError as refusal:
        raise NotApplicable(f"It does not support the wide box that the test needs: {refusal}") from None
    x = torch.zeros(1, *shape).expand(DRAWS, *shape)
    draws = wide.sample(x, Rng.for_ids(0, names_of(DRAWS))).double().flatten(1)
    return draws, torch.zeros(draws.shape[1], dtype=torch.float64)


def _boxed_draws(case: ShiftCase, shift: Boxed) -> tuple[Tensor, Tensor]:
    """Draws of the numbers whose mean is known: all numbers for the inherited sampler, those with symmetric limits otherwise."""
    low, high = shift.ends(case.x)
    known = (high - low < SEED_RANGE) & (high > low)
    if type(shift).sample is not Boxed.sample:
        known &= low == -high
    x = case.x[2:3].expand(DRAWS, *case.x.shape[1:])
    draws = shift.sample(x, Rng.for_ids(0, names_of(DRAWS))).double()
    return draws[:, known], ((low + high) / 2)[known]


def origin_is_inside(case: ShiftCase) -> None:
    """The origin is inside the budget and moves inputs no more than a random draw."""
    shift = _differentiable(case)
    origin = shift.origin(case.x)
    sample = case.sample()
    expect(origin.shape == sample.shape, f"`origin` has shape {tuple(origin.shape)}, and draws have shape {tuple(sample.shape)}.")
    worst = float(shift.excess(case.x, origin).max())
    expect(worst <= shift.tolerance, f"The origin exceeds the budget by {worst:.3g}.")
    still, drawn = ((shift.apply(case.x, p) - case.x).abs().mean() for p in (origin, sample))
    expect(
        float(still) <= float(drawn) + 1e-5,
        f"The origin moves inputs by {float(still):.3g} on average, more than a draw does ({float(drawn):.3g}).",
    )


def origin_scales_with_the_box(case: ShiftCase) -> None:
    """In any box the origin moves inputs as little, relative to the box, as in [0, 1]."""
    shift, space = _differentiable(case), case.shift.space
    if not space.bounded or space.columns or (space.low, space.high) == (0.0, 1.0):
        raise NotApplicable("The box is [0, 1], or is unbounded, or differs by column.")
    width = space.high - space.low
    unit = shift.within(InputSpace(kind=space.kind))
    x = (case.x - space.low) / width
    here = float((shift.apply(case.x, shift.origin(case.x)) - case.x).abs().mean()) / width
    there = float((unit.apply(x, unit.origin(x)) - x).abs().mean())
    advice = "Use self.space instead of [0, 1]."
    expect(here <= 2 * there + 0.01, f"The origin moves inputs by {here:.1%} of {space.units}, and by {there:.1%} of [0, 1]. {advice}")


def gradient_is_correct(case: ShiftCase) -> None:
    """The gradient of the moved inputs with respect to the params exists and agrees with finite differences."""
    shift = _differentiable(case)
    if isinstance(shift, Boxed) and not shift.smooth:
        raise NotApplicable("It has no gradient, and gradient searches refuse it.")
    if isinstance(shift, Ball) and shift.levels:
        raise NotApplicable("Its moves are rounded to levels, which the gradient ignores.")
    x, params, sizes = _interior(case, shift)
    if not params.numel() or not bool((sizes > 0).any()):
        raise NotApplicable("Its moves have no number that can change continuously.")
    weight = noise("weight", *x.shape).double() - 0.5
    for position, column in enumerate(shift.space.columns):
        if column.kind != "real":
            weight[:, position] = 0.0  # whole numbers jump; their gradient is the shift's choice

    def value(p: Params) -> Tensor:
        moved: Tensor = shift.apply(x, p)
        return (moved * weight).flatten(1).sum(1)

    leaf = params.clone().requires_grad_()
    total = value(leaf).sum()
    try:
        (gradient,) = torch.autograd.grad(total, leaf)
    except RuntimeError as error:
        advice = (
            "Use torch operations only in `apply`, without .detach(), .item() or numpy, or derive from Shift instead of Differentiable."
        )
        raise Failed(f"torch cannot differentiate `apply` with respect to the params ({error}). {advice}") from None
    expect(bool(gradient.isfinite().all()), "The gradient has NaN or infinity at ordinary params.")
    direction = (noise("direction", *params.shape).double() - 0.5) * sizes
    step = 1e-4
    slope = (value(params + step * direction) - value(params - step * direction)) / (2 * step)
    claimed = (gradient * direction).flatten(1).sum(1)
    size = slope.abs() + claimed.abs()
    off = (slope - claimed).abs() / (size + 1e-3 * size.median() + 1e-9)
    typical = float(off.median())  # a kink inside a step affects one row only
    row = int(off.argmax())
    expect(
        typical <= 0.02,
        f"The gradient differs from finite differences by {typical:.0%} on a typical example (the worst: {float(claimed[row]):.4g} "
        f"against {float(slope[row]):.4g}). A gradient search would go in the wrong direction.",
    )


def _interior(case: ShiftCase, shift: Differentiable) -> tuple[Tensor, Params, Tensor]:
    """Inputs and params inside box and budget, float64, and the size of a change of each number (0 for a seed)."""
    x = case.x.double()
    space = shift.space
    if space.bounded and not space.columns:
        x = space.low + (space.high - space.low) * (0.3 + 0.4 * noise("interior", *x.shape).double())
    if isinstance(shift, Boxed):
        low, high = shift.ends(x)
        sizes = ((high - low) * (high - low < SEED_RANGE)).expand(len(x), -1)
        inner = low + (high - low) * (0.1 + 0.8 * noise("inner", *sizes.shape).double())
        return x, torch.where(sizes > 0, inner, case.sample().double()), sizes
    params = shift.sample(x, case.rng()).double() * 0.5
    return x, params, torch.full_like(params, float(params.abs().mean()) if params.numel() else 0.0)


def steps_go_uphill(case: ShiftCase) -> None:
    """`ascend` goes uphill along the given gradient, changes nothing in place, and accepts a gradient of zero."""
    shift = _differentiable(case)
    params = shift.origin(case.x)
    if not params.numel():
        raise NotApplicable("Its moves have no numbers.")
    gradient = (noise("uphill", *params.shape) - 0.5).to(params)
    kept = params.clone(), gradient.clone()
    there = shift.ascend(params, gradient, 0.5)
    gain = ((there - params) * gradient).flatten(1).sum(1)
    expect(bool((gain >= 0).all()), f"`ascend` goes downhill on {int((gain < 0).sum())} of {len(gain)} examples.")
    expect(torch.equal(params, kept[0]) and torch.equal(gradient, kept[1]), "`ascend` changed its arguments in place. Work on a copy.")
    flat = shift.ascend(params, torch.zeros_like(gradient), 0.5)
    expect(bool(flat.isfinite().all()), "`ascend` returns NaN or infinity for a gradient of zero. Guard the division by its norm.")


def moves_are_within_eps(case: ShiftCase) -> None:
    """The moved input lies within eps of the input in the shift's own norm."""
    shift = case.shift
    if not isinstance(shift, Ball) or shift.space.columns:
        raise NotApplicable("It is not a norm ball in the units of the inputs.")
    x = case.x.double()
    for params in case.far():
        moved = shift.apply(x, shift.project(x, params.double()))
        longest = float(shift.norm(moved - x).max())
        expect(longest <= shift.eps * (1 + 1e-6) + 1e-9, f"`apply` moved an input by {longest:.6g}, and eps is {shift.eps:.6g}.")


def grid_is_inside(case: ShiftCase) -> None:
    """Every point of its grid is inside the budget."""
    shift = case.shift
    if not isinstance(shift, Boxed):
        raise NotApplicable("It has no grid.")
    if shift.grid_size(3) > DRAWS:
        raise NotApplicable("It has too many numbers for a grid.")
    for point in shift.grid(3):
        worst = float(shift.excess(case.x, point.expand(len(case.x), -1)).max())
        expect(worst <= shift.tolerance, f"The grid point {point.tolist()} exceeds the budget by {worst:.3g}.")


def _differentiable(case: ShiftCase) -> Differentiable:
    if not isinstance(case.shift, Differentiable):
        raise NotApplicable("It is not Differentiable.")
    return case.shift


GEOMETRY_CHECKS = (
    draws_have_no_bias,
    origin_is_inside,
    origin_scales_with_the_box,
    gradient_is_correct,
    steps_go_uphill,
    moves_are_within_eps,
    grid_is_inside,
)
