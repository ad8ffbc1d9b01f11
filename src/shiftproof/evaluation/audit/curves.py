"""The security curves of a run: which search draws them, their cells, and what their cells came to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from shiftproof._errors import UsageError, must
from shiftproof.data.source import Source
from shiftproof.evaluation.audit.pooled import join_tables
from shiftproof.evaluation.curves.security_curve import SecurityCurve
from shiftproof.models.abstract import Labels, access_name
from shiftproof.outcomes import Flag
from shiftproof.records.audit import BudgetCurve
from shiftproof.runs.cell import Cell
from shiftproof.runs.store import CellTable, Store
from shiftproof.searches import searches
from shiftproof.searches.abstract import Search
from shiftproof.searches.minimal import MinimalSearch
from shiftproof.searches.to_the_end import ToTheEnd, endless
from shiftproof.shifts import shifts
from shiftproof.shifts.abstract import Shift
from shiftproof.shifts.norms.ball import Ball

USUAL = {
    "linf": "boundary_projection(candidates=3)",
    "l2": "decoupled_direction_norm",
    "l1": "boundary_projection(candidates=3)",
    "l0": "sigma_zero",
}
"""The search that draws the curve of each ball, unless one of the run's own searches does."""
MOST_SIZES = 200
"""Sizes of the budget that a record holds; every example's own is in the cell's file."""
BallAndSearch = tuple[Ball, ToTheEnd]


def chosen_curves(given: Sequence[Any], own: Sequence[Search], model: Labels, data: Source) -> list[BallAndSearch]:
    """The ball and search of each curve that was asked for.

    Args:
        given: names or specs of balls, or in Python balls; their eps does not matter.
        own: the run's own searches: one that looks for least moves of such a ball draws its curve.
        model: what is measured.
        data: where.

    Raises:
        UsageError: it is no norm ball, or the model gives too little.
    """
    found: list[BallAndSearch] = []
    for each in given:
        ball = _ball(each, data)
        mine = [search for search in own if isinstance(search, MinimalSearch) and search.objection(ball) is None]
        whole, search = endless(ball, mine[0] if mine else searches.build(USUAL[ball.name]))
        if not isinstance(model, search.needs):
            gives, needs = access_name(type(model)), access_name(search.needs)
            raise UsageError(
                f"The curve of {ball.name} is measured with {search.name}, which needs {needs}; the model '{model.name}' provides {gives} "
                "only. Leave the curve out, or measure several strengths with --shift."
            )
        found.append((whole, search))
    return list(dict.fromkeys(found))


def _ball(given: Any, data: Source) -> Ball:
    shift = given
    if isinstance(given, str):
        name = given.strip()
        # A curve is that of every eps, so that a name alone says all.
        shift = shifts.build(f"{name}(eps=1)" if issubclass(shifts.get(name.partition("(")[0]), Ball) and "(" not in name else name)
    if not isinstance(shift, Ball) or shift.name not in USUAL:
        raise must("curve", "the audit", f"be a norm ball ({', '.join(USUAL)})", shift.name if isinstance(shift, Shift) else given)
    endless_ball, _ = endless(type(shift)(1.0, shift.levels), searches.build(USUAL[shift.name]))
    return endless_ball.within(data.space)


def read_curve(group: Sequence[Cell], store: Store, data: Source, confidence: float, flags: Sequence[Flag]) -> BudgetCurve:
    """The curve of one ball from its cells, which are the shards of one sample, as far as they are finished."""
    first = group[0]
    assert isinstance(first.method, ToTheEnd)  # the plan has made them
    done = [cell for cell in group if store.finished(cell)]
    errors = [error for cell in group if cell not in done and (error := store.error(cell))]
    empty = BudgetCurve(
        cell=first.group,
        data=data.uri,
        family=first.shift.name,
        search=first.method.spec(),
        search_full=first.method.full_spec(),
        kind=first.method.bound.value,
        state="done" if len(done) == len(group) else "failed" if errors else "missing",
        error=errors[0] if errors else None,
        confidence=confidence,
    )
    if not done:
        return empty
    table = join_tables([store.read(cell) for cell in done])
    return empty.model_copy(update={**_numbers(table, empty, confidence), "flags": [*table.flags, *flags]})


def _numbers(table: CellTable, card: BudgetCurve, confidence: float) -> dict[str, Any]:
    columns = table.columns
    curve = SecurityCurve(
        ids=columns["id"],
        size=columns["radius"],
        params=np.zeros((len(table), 0)),
        forwards=columns["forwards"],
        backwards=columns["backwards"],
        shift=card.family,
        search=card.search,
        confidence=confidence,
        bound=table.bound,
        flags=table.flags,
    )
    at, accuracy = curve.steps()
    kept = np.unique(np.linspace(0, len(at) - 1, MOST_SIZES).round().astype(int))
    band = curve.interval(at[kept], everywhere=True)
    return {
        "n": len(curve),
        "eps": at[kept].tolist(),
        "accuracy": accuracy[kept].tolist(),
        "low": np.asarray(band.low).tolist(),
        "high": np.asarray(band.high).tolist(),
        "median": curve.median if np.isfinite(curve.median) else None,
        "unbroken": int(np.isinf(curve.size).sum()),
        "forwards_per_example": float(curve.forwards.mean()),
        "backwards_per_example": float(curve.backwards.mean()),
        "sent": table.sent,
        "seconds": table.seconds,
    }
