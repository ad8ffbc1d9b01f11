"""Accuracy at every size of the budget: the security curves of an audit as charts, with a table beside each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import numpy as np

from shiftproof.records.audit import Audit, BudgetCurve, ClaimKind, Result
from shiftproof.reports.audit import digest
from shiftproof.reports.figure import ChartRow, Figure, coloured, make_figure, shaped, share_axis, table_of
from shiftproof.reports.number_format import KIND_WORDS, KINDS, known, percent, span

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
    kept = [i for i, eps in enumerate(curve.eps) if eps <= most]
    rows: list[ChartRow] = [_row(curve.eps[i], curve, i) for i in kept]
    rows.append({**rows[-1], "eps": most})  # the last step goes on to the edge
    scale = alt.Scale(domain=[0, most], nice=False, zero=True)
    x = alt.X("eps:Q", title=curve.strength_name, scale=scale, axis=alt.Axis(tickCount=5, grid=False, format=".3~r"))
    base = alt.Chart(table_of(rows)).encode(x=x, color=coloured())
    band = base.mark_area(opacity=0.16, interpolate="step-after").encode(y=share_axis("low"), y2="high:Q")
    tip = [alt.Tooltip(field=f, type="nominal", title=t) for f, t in (("at", "eps"), ("shown", "accuracy at most"), ("span", "band"))]
    line = base.mark_line(strokeWidth=1.8, interpolate="step-after").encode(y=share_axis("value"), tooltip=tip)
    layers: list[alt.Chart] = [band, line]
    singles = [_point(r) for r in points]
    if singles:
        dots = alt.Chart(table_of(singles)).encode(x=x, color=coloured())
        tip = [
            alt.Tooltip(field=f, type="nominal", title=t)
            for f, t in (("row", "what"), ("kind", "claims"), ("shown", "accuracy"), ("how", "by"))
        ]
        layers += [
            dots.mark_rule(strokeWidth=2, opacity=0.65).transform_filter("isValid(datum.low)").encode(y=share_axis("low"), y2="high:Q"),
            dots.mark_point(filled=True, size=70, opacity=1).encode(y=share_axis("value"), shape=shaped(), tooltip=tip),
        ]
    return make_figure(
        alt.layer(*layers).properties(height=240),
        f"Accuracy against {curve.strength_name} of {curve.family} by {curve.search}; its numbers are in the table beside it.",
        tables={"curve": rows, "number": singles},
        columns={"row": "name", "kind": "claim", "eps": "eps", "value": "accuracy", "low": "low", "high": "high", "how": "by"},
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


def _row(eps: float, curve: BudgetCurve, i: int) -> ChartRow:
    interval = (curve.low[i], curve.high[i])
    return {
        "eps": eps,
        "at": f"{eps:.4g}",
        "value": curve.accuracy[i],
        "low": interval[0],
        "high": interval[1],
        "kind": KIND_WORDS[curve.kind],
        "shown": percent(curve.accuracy[i]),
        "span": span(interval),
    }


def _point(result: Result) -> ChartRow:
    kind: ClaimKind = result.kind
    low, high = result.interval or (None, None)
    return {
        "eps": result.strength,
        "value": result.value,
        "low": known(low),
        "high": known(high),
        "kind": KIND_WORDS[kind],
        "row": result.shift,
        "how": result.search,
        "shown": f"{percent(result.value)} ({span(result.interval)})",
    }
