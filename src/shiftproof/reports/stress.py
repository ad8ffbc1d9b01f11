"""The page and the terminal table of a stress curve: how much shift of the mix breaks a model, and who carries the weight there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table

from shiftproof._writing import write_atomic
from shiftproof.records.stress import Slice, StressCurve
from shiftproof.reports import vega as alt
from shiftproof.reports._html import render
from shiftproof.reports.figure import FULL, ChartRow, Figure, make_figure, table_of
from shiftproof.reports.number_format import KIND_WORDS, confidence, percent, plural, span
from shiftproof.reports.terminal_fit import Sentence, text

_EVERY = 2
"""Of the radii of the curve, the terminal shows every so many."""
_DRAWN = 12
"""Slices that there is room for in the picture."""
_COLUMNS = 12
_ROUNDING = 1e-12
"""Columns of the examples that there is room for."""


def verdict(curve: StressCurve) -> str:
    """How much the mix of examples may change before accuracy falls below the floor, in words that need no statistics."""
    floor, now = percent(curve.floor), percent(float(curve.accuracy[0]))
    if curve.breaking == 0:
        place = "below" if curve.accuracy[0] < curve.floor - _ROUNDING else "no higher than"
        return f"Accuracy is {now}, {place} the {floor} that is asked for, on these examples as they are."
    if math.isinf(curve.breaking):
        return f"Accuracy is {now}, and no other mix of these examples takes it below {floor}."
    times = (1 - curve.floor) / (1 - float(curve.accuracy[0]))
    return (
        f"Accuracy is {now}. It falls below {floor} once examples like those answered wrong come {times:.3g} times as often as here. "
        f"That is as large a change of the mix as when a part with {percent(curve.breaking_share)} of the population becomes all of it."
    )


def breaking_line(curve: StressCurve) -> str:
    """The radius that breaks the model, with its interval."""
    at = number(curve.breaking)
    return f"Floor reached at {curve.axis} {at} ({confidence(curve.confidence)} interval: {_between(curve)})."


def _between(curve: StressCurve) -> str:
    """The interval of the radius that breaks, in words."""
    low, high = curve.breaking_interval
    if math.isinf(high):
        return "none" if math.isinf(low) else f"{number(low)} or more"
    return number(low) if low == high else f"between {number(low)} and {number(high)}"


def number(radius: float) -> str:
    """A radius as people read it; infinite is said in words.

    >>> number(0.05555), number(math.inf)
    ('0.0556', 'none')
    """
    return "none" if math.isinf(radius) else f"{radius:.3g}"


def stress_chart(curve: StressCurve) -> Figure:
    """Accuracy against the radius with its band, the floor, and the radius that breaks."""
    rows: list[ChartRow] = [
        {
            "radius": float(radius),
            "value": float(value),
            "low": float(low),
            "high": float(high),
            "shown": percent(float(value)),
            "span": span((float(low), float(high))),
            "share": percent(float(share)),
        }
        for radius, value, low, high, share in zip(curve.radii, curve.accuracy, *curve.interval, curve.share, strict=True)
    ]
    # Accuracy falls with the root of a chi-square or Kullback-Leibler radius: on that scale its curve is straight, and its break visible.
    scale = alt.Scale(zero=True, nice=False, type="sqrt" if curve.risk in ("chi_square", "kl") else "linear")
    x = alt.X("radius:Q", title=curve.axis, scale=scale, axis=alt.Axis(grid=False, format=".3~r", tickCount=6))

    def y(field: str, title: str | None = None) -> alt.Y:
        return alt.Y(field=field, type="quantitative", scale=FULL, title=title, axis=alt.Axis(format="%", tickCount=5))

    fields = ("radius", curve.axis), ("shown", "accuracy"), ("span", "interval"), ("share", "share that may stand alone")
    tooltip = [alt.Tooltip(field=field, type="nominal", title=title) for field, title in fields]
    base = alt.Chart(table_of(rows)).encode(x=x)
    band = base.mark_area(opacity=0.16, color="var(--run-1)").encode(y=y("low"), y2="high:Q")
    line = base.mark_line(strokeWidth=1.8, color="var(--run-1)").encode(y=y("value", "accuracy in the worst mix"))
    dots = base.mark_point(filled=True, size=40, opacity=1, color="var(--run-1)").encode(y=y("value"), tooltip=tooltip)
    floor_rows: list[ChartRow] = [{"value": curve.floor}]
    floor = alt.Chart(table_of(floor_rows)).mark_rule(strokeDash=[5, 4], color="var(--muted)").encode(y=y("value"))
    layers: list[alt.Chart] = [band, line, dots, floor]
    at: list[ChartRow] = []
    if 0 < curve.breaking <= curve.radii[-1]:
        at = [{"radius": curve.breaking, "value": curve.floor, "shown": f"breaks at {number(curve.breaking)}"}]
        mark = alt.Chart(table_of(at)).encode(x=alt.X("radius:Q", title=curve.axis, scale=scale), y=y("value"))
        layers.append(mark.mark_point(shape="diamond", filled=True, size=110, opacity=1, color="var(--at-most)"))
        layers.append(mark.mark_text(align="left", dx=9, dy=-9, color="var(--ink)", fontSize=12).encode(text="shown:N"))
    what = f"Accuracy from 0 to 100% of {curve.name} in the worst mix against {curve.axis}. {verdict(curve)}"
    return make_figure(
        alt.layer(*layers).properties(height=280),
        f"{what} The same numbers are in the table below.",
        tables={"number": rows, "floor": floor_rows, "breaking point": at},
        columns={"radius": "radius", "value": "accuracy", "low": "low", "high": "high"},
    )


def slices_chart(curve: StressCurve) -> Figure:
    """The error rate of the first slices of inputs with its interval, against that of the whole."""
    whole = 1 - float(curve.accuracy[0])
    found = [one for one in curve.slices if one.beforehand][:_DRAWN]
    rows: list[ChartRow] = [
        {
            "slice": one.what,
            "value": one.error,
            "low": one.interval.low,
            "high": one.interval.high,
            "shown": percent(one.error),
            "span": span(one.interval),
            "lift": f"{one.lift:.2f}",
        }
        for one in found
    ]
    y = alt.Y(
        "slice:N", sort=None, title=None, axis=alt.Axis(labelExpr="split(datum.label, ' & ')", labelLimit=230, style="names", grid=False)
    )

    def x(field: str, title: str | None = None) -> alt.X:
        return alt.X(field=field, type="quantitative", scale=FULL, title=title, axis=alt.Axis(format="%", tickCount=5))

    fields = ("slice", "slice"), ("shown", "error rate"), ("span", "interval"), ("lift", "weight / share")
    tooltip = [alt.Tooltip(field=field, type="nominal", title=title) for field, title in fields]
    base = alt.Chart(table_of(rows)).encode(y=y)
    ends = base.mark_rule(strokeWidth=2, opacity=0.5, color="var(--run-1)").encode(x=x("low"), x2="high:Q")
    dots = base.mark_point(filled=True, size=60, opacity=1, color="var(--run-1)").encode(x=x("value", "error rate"), tooltip=tooltip)
    at: list[ChartRow] = [{"value": whole}]
    line = alt.Chart(table_of(at)).mark_rule(strokeDash=[5, 4], color="var(--muted)").encode(x=x("value"))
    what = f"Error rates of {plural(len(found), 'slice')} with their intervals, against {percent(whole)} of the whole sample (dashed)."
    return make_figure(
        alt.layer(ends, dots, line).properties(height=36 * len(found)),
        f"{what} The same numbers are in the table below.",
        tables={"slice": rows, "whole sample": at},
        columns={"slice": "name", "value": "error", "low": "low", "high": "high"},
    )


def stress_figures(curve: StressCurve) -> dict[str, Figure]:
    """Every chart of the page by its name on it; each hands out its numbers with `frame`."""
    figures = {"stress": stress_chart(curve)}
    return {**figures, "slices": slices_chart(curve)} if any(one.beforehand for one in curve.slices) else figures


def stress_page(curve: StressCurve) -> str:
    """A stress curve as one self-contained HTML file."""
    before = [one for one in curve.slices if one.beforehand]
    return render(
        "stress.html.j2",
        charts=stress_figures(curve),
        kinds=[
            ("By what is known beforehand", "slices", before),
            ("By the label too", "", [one for one in curve.slices if not one.beforehand]),
        ],
        columns=list(curve.columns)[:_COLUMNS],
        curve=curve,
        verdict=verdict(curve),
        breaking=breaking_line(curve),
        kind=KIND_WORDS[curve.bound.value],
        kind_class=curve.bound.value,
        ends=list(zip(*curve.interval, strict=True)),
        radii=[number(float(radius)) for radius in curve.radii],
        losses=["–" if math.isnan(loss) else f"{loss:.3f}" for loss in curve.loss],
        heaviest=heaviest(curve),
    )


def heaviest(curve: StressCurve, count: int = 10) -> list[tuple[str, str, list[str]]]:
    """The examples with the most weight in the worst mix: their names, how many times their even share they weigh, and their values."""
    order = sorted(range(len(curve)), key=lambda row: (-curve.weights[row], row))[:count]
    values = list(curve.columns.values())[:_COLUMNS]
    return [(str(curve.ids[row]), f"{curve.weights[row] * len(curve):.2f}", [str(column[row]) for column in values]) for row in order]


def write_stress(curve: StressCurve, out: Path) -> Path:
    """Writes stress.html into the folder `out`, which is made; returns the page's path."""
    out.mkdir(parents=True, exist_ok=True)
    target = out / "stress.html"
    write_atomic(target, stress_page(curve).encode())
    return target


def terminal_stress(curve: StressCurve, *, slices: int = 10) -> Group:
    """The curve, the verdict and the slices, for the terminal; control characters in names do nothing."""
    table = Table(
        title=text(f"{curve.name}: {KIND_WORDS[curve.bound.value]}, n = {len(curve)}"),
        caption=text(f"{confidence(curve.confidence)} intervals, all radii together; worst loss in its own worst mix, no interval"),
    )
    for head in (curve.axis, "share alone", "accuracy", "loss"):
        table.add_column(text(head), justify="right", no_wrap=head != curve.axis)
    for row in range(0, len(curve.radii), _EVERY if len(curve.radii) > 12 else 1):
        ends = (float(curve.interval.low[row]), float(curve.interval.high[row]))
        loss = "–" if math.isnan(curve.loss[row]) else f"{curve.loss[row]:.3f}"
        shown = f"{percent(float(curve.accuracy[row]))} ({span(ends)})"
        table.add_row(f"{curve.radii[row]:.3g}", percent(float(curve.share[row])), shown, loss)
    parts: list[RenderableType] = [Sentence(verdict(curve)), table, Sentence(breaking_line(curve))]
    for title, before in (("Who carries the weight there", True), ("... by the label too", False)):
        found = [one for one in curve.slices if one.beforehand is before]
        if found:
            parts.append(_slices(title, found[: slices if before else slices // 2]))
    parts += [Sentence(f"Note: {note}.") for note in curve.notes]
    return Group(*parts)


def _slices(title: str, found: Sequence[Slice]) -> Table:
    table = Table(
        title=text(title),
        caption=text("* error above the whole sample's beyond chance, with all slices looked at paid for"),
    )
    table.add_column("slice", overflow="fold")
    for head in ("n", "weight\n/ share", "error"):
        table.add_column(head, justify="right", no_wrap=True)
    for one in found:
        star = "* " if one.beyond_chance else "  "
        table.add_row(text(star + one.what), str(one.n), f"{one.lift:.2f}", f"{percent(one.error)} ({span(one.interval)})")
    return table
