"""Accuracy at every size of the budget: the security curves of an audit as charts, with a table beside each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shiftproof.records.audit import Audit, BudgetCurve, ClaimKind, Result
from shiftproof.reports import vega as alt
from shiftproof.reports.audit import digest
from shiftproof.reports.audit.staircase import AXIS, staircase, step_row
from shiftproof.reports.figure import Figure
from shiftproof.reports.number_format import KINDS, known

_LINES = 8
"""Sizes in a table beside those that the run measured by themselves."""


@dataclass(frozen=True)
class CurveReading:
    """The curve read at one size; `others` are the run's own numbers there."""

    eps: float
    value: float
    interval: tuple[float, float]
    others: list[Result]


@dataclass(frozen=True)
class CurveTable:
    """A curve with what stands beside it."""

    name: str
    curve: BudgetCurve
    lines: list[CurveReading]

    @property
    def kinds(self) -> list[ClaimKind]:
        """What the points beside it claim: one column of its table each."""
        return [kind for kind in KINDS if any(r.kind == kind for line in self.lines for r in line.others)]


def curve_tables(audit: Audit) -> list[CurveTable]:
    """Every finished curve with its table."""
    return [
        CurveTable(f"budget:{place}", curve, _lines(curve, _points(audit, curve)))
        for place, curve in enumerate(audit.curves)
        if curve.state == "done" and curve.eps
    ]


def budget_chart(audit: Audit, curve: BudgetCurve) -> Figure:
    """The curve as a falling staircase in its band, and the numbers of single strengths of the same family as points on it."""
    points = _points(audit, curve)
    most = _most(curve, points)
    rows = [
        step_row("eps", eps, curve.accuracy[i], (curve.low[i], curve.high[i]), curve.kind) for i, eps in enumerate(curve.eps) if eps <= most
    ]
    rows.append({**rows[-1], "eps": most})  # the last step goes on to the edge
    scale = alt.Scale(domain=[0, most], nice=False, zero=True)
    return staircase(
        rows,
        {"number": points},
        x=alt.X("eps:Q", title=curve.strength_name, scale=scale, axis=AXIS),
        field="eps",
        step="step-after",
        title=f"Accuracy against {curve.strength_name} of {curve.family} by {curve.search}; its numbers are in the table beside it.",
        tooltip={"at": "eps", "shown": "accuracy at most", "span": "band"},
    )


def _points(audit: Audit, curve: BudgetCurve) -> list[Result]:
    """What attacks and certificates say at single strengths of the same family, the tightest of each."""
    same = [r for r in digest.plain(audit) if r.family == curve.family and r.kind != "estimate" and r.strength is not None]
    return sorted((r for r in digest.tightest(same) if known(r.value) is not None), key=lambda r: r.strength or 0.0)


def _most(curve: BudgetCurve, points: Sequence[Result]) -> float:
    """The right edge: where all but the last hundredth have fallen, and at least past every single strength."""
    floor = curve.accuracy[-1] + 0.01 * (curve.accuracy[0] - curve.accuracy[-1])
    fallen = next(eps for eps, value in zip(curve.eps, curve.accuracy, strict=True) if value <= floor)
    return 1.05 * max(fallen, *(r.strength or 0.0 for r in points), 1e-12) if points else 1.05 * max(fallen, 1e-12)


def _lines(curve: BudgetCurve, points: Sequence[Result]) -> list[CurveReading]:
    """The curve at 0, at round sizes, and at the strengths that the run measured."""
    most = _most(curve, points)
    power = 10.0 ** math.floor(math.log10(most / _LINES))
    step = next(power * nice for nice in (1, 2, 5, 10) if power * nice * _LINES >= most)
    at = [round(i * step, 12) for i in range(int(most / step) + 1)]
    measured = dict.fromkeys(r.strength for r in points if r.strength is not None)
    kept = [eps for eps in at if all(abs(eps - own) > 1e-9 for own in measured)]
    return [_line(curve, eps, [r for r in points if r.strength == eps]) for eps in sorted([*kept, *measured])]


def _line(curve: BudgetCurve, eps: float, others: list[Result]) -> CurveReading:
    # The step before: where the record is thinned this is the higher of two neighbours, so it still claims "at most".
    i = int(np.searchsorted(curve.eps, eps * (1 + 1e-9), side="right")) - 1
    return CurveReading(eps, curve.accuracy[i], (curve.low[i], curve.high[i]), others)
