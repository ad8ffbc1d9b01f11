"""The contract of shifts: draws inside the budget, a budget that is enforced, and moves that depend on input and params only."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from shiftproof._errors import UsageError
from shiftproof.conformance.probes import gap, large_probe_data, names_of, no_global_randomness, noise, probe_data, same_bits
from shiftproof.conformance.report import NotApplicable, expect
from shiftproof.data.examples import Ids
from shiftproof.data.space import SpaceWithGaps
from shiftproof.randomness import Rng
from shiftproof.shifts.abstract import SEED_RANGE, Boxed, Params, Shift
from shiftproof.shifts.norms.ball import Ball

_FAR = (1e-3, 1.0, 1e3, 1e6)


@dataclass(frozen=True)
class ShiftCase:
    """A shift on n inputs x of shape (n, ...), with their ids; `given` is the shift before it was placed in their space."""

    given: Shift
    shift: Shift
    x: Any
    ids: Ids
    label: str
    space: Any = None

    def rng(self, seed: int = 0) -> Rng:
        """The random streams of the examples."""
        return Rng.for_ids(seed, self.ids)

    def sample(self, seed: int = 0) -> Params:
        """Random draws, one per row."""
        return self.shift.sample(self.x, self.rng(seed))

    def far(self) -> list[Params]:
        """Params that exceed the budget by increasing amounts."""
        params = self.sample()
        if not params.numel():
            return [params]
        unit = noise("far", *params.shape).to(params) * 2 - 1
        return [params + distance * unit for distance in _FAR]


def shift_cases(shift: Shift) -> list[ShiftCase]:
    """The shift on each kind of numbers that it supports.

    Raises:
        UsageError: it supports none of them.
    """
    cases: list[ShiftCase] = []
    refusals: list[str] = []
    for data in (probe_data, large_probe_data):
        for label, x, space in data():
            try:
                bound = shift.within(space)
                bound.check_inputs(x)
            except UsageError as refusal:
                refusals.append(f"{label}: {refusal}")
            else:
                cases.append(ShiftCase(shift, bound, x, names_of(len(x)), label))
        if cases:
            break
    if not cases:
        raise UsageError(f"{shift.spec()} supports no kind of data that it could be checked on.\n" + "\n".join(refusals))
    return cases


def within_changes_no_option(case: ShiftCase) -> None:
    """`within` does not change its options."""
    before, after = case.given.full_spec(), case.shift.full_spec()
    expect(before == after, f"`within` changed {before} to {after}. Return replace(self, space=space).")


def draws_are_inside(case: ShiftCase) -> None:
    """A random draw is inside the budget, one floating row per example."""
    with no_global_randomness("`sample`"):
        params = case.sample()
    expect(len(params) == len(case.x), f"`sample` returned {len(params)} rows for {len(case.x)} inputs.")
    expect(params.is_floating_point(), f"`sample` returned {params.dtype}; params must be floating, to be stored and replayed.")
    excess = case.shift.excess(case.x, params)
    expect(excess.shape == (len(case.x),), f"`excess` must have shape (n,) = ({len(case.x)},), got {tuple(excess.shape)}.")
    worst = float(excess.max())
    expect(worst <= case.shift.tolerance, f"A draw exceeds the budget by {worst:.3g} (tolerance {case.shift.tolerance:.3g}). Project it.")


def draws_depend_on_seed_and_id_only(case: ShiftCase) -> None:
    """A draw depends on the run's seed and the example's id, not on order, batch or earlier draws."""
    shift, x, rng = case.shift, case.x, case.rng()
    whole = shift.sample(x, rng)
    advice = "Draw from the rng argument of `sample`, one stream per row."
    again = shift.sample(x, rng)
    expect(same_bits(whole, again), f"Drawing twice with the same seed gave different moves: {gap(whole, again)}. {advice}")
    for rows in orders(len(x)):
        part = shift.sample(x[rows], rng[rows])
        expect(
            same_bits(whole[rows], part),
            f"The same examples in another order or batch drew other moves: {gap(whole[rows], part)}. {advice}",
        )
    # With the same input everywhere, rows differ in their random streams only.
    one = x[2:3].expand(x.shape)
    first, second = shift.sample(one, rng), shift.sample(one, case.rng(seed=1))
    by_seed = not same_bits(first, second)
    by_id = not same_bits(first, first[:1].expand(first.shape))
    expect(
        by_seed == by_id, f"Draws change with the {'seed' if by_seed else 'id'} but not with the {'id' if by_seed else 'seed'}. {advice}"
    )


def project_is_inside_and_idempotent(case: ShiftCase) -> None:
    """`project` maps any params inside the budget, and is idempotent."""
    for params in case.far():
        inside = case.shift.project(case.x, params)
        expect(inside.shape == params.shape, f"`project` changed the shape of params from {tuple(params.shape)} to {tuple(inside.shape)}.")
        worst = float(case.shift.excess(case.x, inside).max())
        expect(worst <= case.shift.tolerance, f"Projected params exceed the budget by {worst:.3g} (tolerance {case.shift.tolerance:.3g}).")
        again = case.shift.project(case.x, inside)
        expect(torch.allclose(again, inside, rtol=1e-5, atol=1e-6), f"`project` is not idempotent: {gap(inside, again)}.")


def project_keeps_legal_params(case: ShiftCase) -> None:
    """`project` does not change legal params."""
    legal = case.sample()
    kept = case.shift.project(case.x, legal)
    expect(torch.allclose(kept, legal, rtol=1e-5, atol=1e-6), f"`project` changed legal params: {gap(legal, kept)}.")


def excess_detects_violations(case: ShiftCase) -> None:
    """`excess` is above the tolerance for params far outside the budget, slightly outside it, and NaN."""
    shift, legal = case.shift, case.sample()
    if not legal.numel():
        raise NotApplicable("Its moves have no numbers.")
    for name, outside in _outside(case, legal).items():
        excess = shift.excess(case.x, outside)
        caught = ~(excess <= shift.tolerance)  # also detects NaN
        advice = "A search could exceed the budget undetected. Return how far the params are outside, per row."
        expect(bool(caught.all()), f"`excess` accepts {int((~caught).sum())} of {len(excess)} moves that are {name}. {advice}")


def _outside(case: ShiftCase, legal: Params) -> dict[str, Params]:
    shift = case.shift
    found = {
        "far above the budget": torch.full_like(legal, 1e17),
        "far below it": torch.full_like(legal, -1e17),
        "NaN": torch.full_like(legal, math.nan),
    }
    if isinstance(shift, Boxed):
        low, high = shift.ends(case.x)
        sizes = (high - low < SEED_RANGE).to(legal) * ((high - low) / 20).clamp_min(0.01)
        if bool(sizes.any()):  # of seeds alone, no value is a little too large
            found["5% above the limits"] = (high + sizes).expand_as(legal)
            found["5% below the limits"] = (low - sizes).expand_as(legal)
    if isinstance(shift, Ball):
        unit = noise("outside", *legal.shape).to(legal) + 0.1
        for _ in range(3):  # one round is enough for a norm, which is homogeneous; others need a few
            unit = unit * (1.05 * shift.eps / shift.norm(unit)).reshape(-1, *[1] * (legal.dim() - 1))
        found["5% longer than eps"] = unit
    return found


def moves_stay_in_the_box(case: ShiftCase) -> None:
    """`apply` keeps shape and type, stays in the box and returns no NaN; whole numbers of a table stay whole."""
    landing = case.shift.landing(case.shift.space)
    low, high = landing.bounds(case.x)
    for params in (case.sample(), *(case.shift.project(case.x, p) for p in case.far())):
        for x in (case.x, case.x.double()):
            moved = case.shift.apply(x, params)
            expect(
                moved.shape == x.shape and moved.dtype == x.dtype,
                f"`apply` changed {tuple(x.shape)} {x.dtype} to {tuple(moved.shape)} {moved.dtype}.",
            )
            expect(isinstance(landing, SpaceWithGaps) or not bool(moved.isnan().any()), "`apply` returned NaN.")
            moved = moved.nan_to_num(nan=0.0).where(~moved.isnan(), x)
            out = torch.maximum(low - moved, moved - high).max()
            expect(
                float(out) <= 0, f"`apply` left the box {case.shift.space.units} by {float(out):.3g}. Clamp to self.space, not to [0, 1]."
            )
            _whole_columns(case.shift, moved)


def _whole_columns(shift: Shift, moved: Tensor) -> None:
    for position, column in enumerate(shift.space.columns):
        if column.kind != "real":
            values = moved[:, position]
            expect(
                torch.equal(values, values.round()),
                f"`apply` returned fractions in the {column.kind} column '{column.name}'. Use self.space.settle.",
            )


def moves_are_pure(case: ShiftCase) -> None:
    """`apply` returns the same bits each time, and changes neither the input nor the params."""
    params = case.sample()
    x, kept_x, kept = case.x, case.x.clone(), params.clone()
    with no_global_randomness("`apply`"):
        first = case.shift.apply(x, params).clone()
        second = case.shift.apply(x, params)
    expect(same_bits(x, kept_x), f"`apply` changed the inputs in place: {gap(kept_x, x)}. Work on a copy.")
    expect(same_bits(params, kept), f"`apply` changed the params in place: {gap(kept, params)}. Work on a copy.")
    expect(
        same_bits(first, second),
        f"`apply` returned different results for the same params: {gap(first, second)}. Put all randomness into the params.",
    )
    for method in (case.shift.project, case.shift.excess):
        method(x, params)
        expect(same_bits(x, kept_x) and same_bits(params, kept), f"`{method.__name__}` changed its arguments in place. Work on a copy.")


def rows_are_independent(case: ShiftCase) -> None:
    """The results for an example do not depend on the others in its batch, up to rounding."""
    shift, x, params, legal = case.shift, case.x, case.far()[-1], case.sample()
    project, apply, excess = shift.project(x, params), shift.apply(x, legal), shift.excess(x, params)
    for rows in orders(len(x)):
        pairs = {
            "apply": (apply[rows], shift.apply(x[rows], legal[rows])),
            "project": (project[rows], shift.project(x[rows], params[rows])),
            "excess": (excess[rows], shift.excess(x[rows], params[rows])),
        }
        for method, (whole, part) in pairs.items():
            # Matrix and FFT kernels round the last bit differently for other batch sizes.
            same = torch.allclose(whole, part, rtol=1e-5, atol=1e-6 * float(x.abs().max()), equal_nan=True)
            expect(
                same, f"`{method}` returns another result for an example in another batch: {gap(whole, part)}. Treat rows independently."
            )


def empty_batches_work(case: ShiftCase) -> None:
    """An empty batch works (all examples of a batch may be misclassified)."""
    none = slice(0, 0)
    params = case.shift.sample(case.x[none], case.rng()[none])
    expect(len(params) == 0, f"`sample` returned {len(params)} rows for no inputs.")
    expect(len(case.shift.project(case.x[none], params)) == 0, "`project` returned rows for no inputs.")
    expect(case.shift.apply(case.x[none], params).shape == case.x[none].shape, "`apply` changed the shape of no inputs.")


def orders(n: int) -> list[list[int]]:
    """Other orders and subsets of n rows: shuffled, reversed, single rows, a few."""
    shuffled = noise("order", n).argsort().tolist()
    return [shuffled, list(range(n))[::-1], [0], [n - 1], shuffled[:3], list(range(5, 12))]


SHIFT_CHECKS = (
    within_changes_no_option,
    draws_are_inside,
    draws_depend_on_seed_and_id_only,
    project_is_inside_and_idempotent,
    project_keeps_legal_params,
    excess_detects_violations,
    moves_stay_in_the_box,
    moves_are_pure,
    rows_are_independent,
    empty_batches_work,
)
