"""A staircase of accuracy in its band, with the numbers that a run measured at single strengths as points on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from shiftproof.records.audit import ClaimKind, Result
from shiftproof.reports import vega as alt
from shiftproof.reports.figure import ChartRow, Figure, coloured, make_figure, shaped, share_axis, table_of
from shiftproof.reports.number_format import KIND_WORDS, known, percent, span

AXIS = alt.Axis(tickCount=5, grid=False, format=".3~r")


def step_row(field: str, at: float, value: float, interval: tuple[float, float], kind: ClaimKind) -> ChartRow:
    """One step; `field` names what the staircase is over."""
    low, high = interval
    shown = {"at": f"{at:.4g}", "shown": percent(value), "span": span(interval)}
    return {field: at, "value": value, "low": low, "high": high, "kind": KIND_WORDS[kind], **shown}


def staircase(
    rows: Sequence[ChartRow],
    points: Mapping[str, Sequence[Result]],
    *,
    x: alt.X,
    field: str,
    step: Literal["step-after", "step-before"],
    title: str,
    tooltip: Mapping[str, str],
) -> Figure:
    """The chart.

    Args:
        rows: its steps, as by `step_row`.
        points: the single results, under the name of their table.
        x: the axis of what the staircase is over.
        field: the field of that in a row.
        step: where a step lasts to: a budget's up to the next, a radius's down to the one before.
        title: what the chart is.
        tooltip: what `at`, `shown` and `span` of a step are called.
    """
    base = alt.Chart(table_of(rows)).encode(x=x, color=coloured())
    steps = [alt.Tooltip(field=name, type="nominal", title=title) for name, title in tooltip.items()]
    layers: list[alt.Chart] = [
        base.mark_area(opacity=0.16, interpolate=step).encode(y=share_axis("low"), y2="high:Q"),
        base.mark_line(strokeWidth=1.8, interpolate=step).encode(y=share_axis("value"), tooltip=steps),
    ]
    tables = {name: [_point(field, result) for result in results] for name, results in points.items()}
    for singles in filter(None, tables.values()):
        dots = alt.Chart(table_of(singles)).encode(x=x, color=coloured())
        named = (("row", "what"), ("kind", "claims"), ("shown", "accuracy"), ("how", "by"))
        tip = [alt.Tooltip(field=name, type="nominal", title=title) for name, title in named]
        layers += [
            dots.mark_rule(strokeWidth=2, opacity=0.65).transform_filter("isValid(datum.low)").encode(y=share_axis("low"), y2="high:Q"),
            dots.mark_point(filled=True, size=70, opacity=1).encode(y=share_axis("value"), shape=shaped(), tooltip=tip),
        ]
    return make_figure(
        alt.layer(*layers).properties(height=240),
        title,
        tables={"curve": list(rows), **tables},
        columns={"row": "name", "kind": "claim", field: field, "value": "accuracy", "low": "low", "high": "high", "how": "by"},
    )


def _point(field: str, result: Result) -> ChartRow:
    low, high = result.interval or (None, None)
    return {
        field: result.strength,
        "value": result.value,
        "low": known(low),
        "high": known(high),
        "kind": KIND_WORDS[result.kind],
        "row": result.shift,
        "how": result.search,
        "shown": f"{percent(result.value)} ({span(result.interval)})",
    }
