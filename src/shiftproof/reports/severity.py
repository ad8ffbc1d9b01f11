"""The page of severity curves: accuracy as a shift grows, where examples fail, and how models change places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shiftproof._writing import write_atomic
from shiftproof.measures.rank_flips import rank_flips
from shiftproof.records.severity import RankFlip, SeverityCurve
from shiftproof.reports import vega as alt
from shiftproof.reports._html import render
from shiftproof.reports.figure import FULL, ChartRow, Figure, make_figure, table_of
from shiftproof.reports.number_format import cost, percent, plural, span

_COLOURS = 6
"""Colours of runs that the page's style has."""
_SHAPES = ("circle", "diamond", "square", "cross", "triangle-up", "stroke")


def severity_chart(curves: Sequence[SeverityCurve]) -> Figure:
    """Accuracy against the strength, a line with its intervals and a colour and shape for each model."""
    rows: list[ChartRow] = []
    for curve in curves:
        for level, value, low, high in zip(curve.levels, curve.accuracy, *curve.interval(), strict=True):
            shown = {"shown": percent(float(value)), "span": span((float(low), float(high)))}
            ends: ChartRow = {"value": float(value), "low": float(low), "high": float(high)}
            rows.append({"model": curve.model, "level": float(level), "n": len(curve), **ends, **shown})
    names = [curve.model for curve in curves]
    colour = alt.Color(
        "model:N",
        scale=alt.Scale(domain=names, range=[f"var(--run-{place % _COLOURS + 1})" for place in range(len(names))]),
        legend=alt.Legend(
            title=None, orient="top", direction="vertical", labelColor="var(--ink)", labelLimit=600, labelFontSize=12, symbolOpacity=1
        ),
    )
    shape = alt.Shape("model:N", scale=alt.Scale(domain=names, range=[_SHAPES[p % len(_SHAPES)] for p in range(len(names))]), legend=None)
    x = alt.X("level:Q", title=curves[0].strength, scale=alt.Scale(zero=False, nice=False), axis=alt.Axis(grid=False, format=".3~r"))

    def y(field: str, title: str | None = None) -> alt.Y:
        return alt.Y(field=field, type="quantitative", scale=FULL, title=title, axis=alt.Axis(format="%", tickCount=5))

    fields = ("model", "model"), ("level", curves[0].strength), ("shown", "accuracy"), ("span", "interval"), ("n", "examples")
    tooltip = [alt.Tooltip(field=field, type="nominal", title=title) for field, title in fields]
    base = alt.Chart(table_of(rows)).encode(x=x, color=colour)
    band = base.mark_area(opacity=0.14).encode(y=y("low"), y2="high:Q")
    line = base.mark_line(strokeWidth=1.8).encode(y=y("value", "accuracy"))
    dots = base.mark_point(filled=True, size=50, opacity=1).encode(y=y("value"), shape=shape, tooltip=tooltip)
    what = f"Accuracy from 0 to 100% of {plural(len(names), 'model')} against {curves[0].strength} under {curves[0].shift}."
    return make_figure(
        alt.layer(band, line, dots).properties(height=260),
        f"{what} The same numbers are in the table below.",
        tables={"number": rows},
        columns={"model": "model", "level": curves[0].strength, "value": "accuracy", "low": "low", "high": "high", "n": "examples"},
    )


@dataclass(frozen=True)
class Failures:
    """What one model's failure points come to, in words."""

    model: str
    median: str
    never: str
    already: str
    unmonotone: str
    unmonotone_span: str


def failures(curve: SeverityCurve) -> Failures:
    """A curve's failure points in words; the medians are over all examples, those that never fail included."""
    share, interval = curve.unmonotone
    median = curve.median_failure
    shown = f"{median:.3g}" if np.isfinite(median) else f"above {curve.levels[-1]:.3g}"
    already = float((curve.failure == curve.levels[0]).mean())
    return Failures(curve.model, shown, percent(float(np.isinf(curve.failure).mean())), percent(already), percent(share), span(interval))


def flip_in_words(flip: RankFlip, strength: str) -> str:
    """Whether two models change places, in a sentence."""
    pair = f"{flip.first} and {flip.second}"
    if flip.shown:
        one, two = (", ".join(f"{level:.3g}" for level in levels) for levels in (flip.first_ahead, flip.second_ahead))
        return f"{pair} change places beyond chance: {flip.first} is ahead at {strength} {one}, {flip.second} at {two}."
    if flip.seen:
        return f"{pair} change places in this sample, which chance alone may do."
    ahead = flip.first if (flip.difference < 0).any() else flip.second if (flip.difference > 0).any() else "neither"
    beyond = "beyond chance at some level" if len(flip.first_ahead) or len(flip.second_ahead) else "nowhere beyond chance"
    return f"{pair} keep their places: {ahead} is ahead wherever they differ, {beyond}."


def cost_of(curves: Sequence[SeverityCurve]) -> str:
    """The two counts of all curves together."""
    return cost(sum(curve.asked for curve in curves), sum(curve.sent for curve in curves))


def severity_figures(curves: Sequence[SeverityCurve]) -> dict[str, Figure]:
    """Every chart of the page by its name on it; each hands out its numbers with `frame`."""
    return {"severity": severity_chart(curves)}


def severity_page(curves: Sequence[SeverityCurve], data: str) -> str:
    """One or more models along one shift, as one self-contained HTML file."""
    flips = rank_flips(curves) if len(curves) > 1 else ()
    return render(
        "severity.html.j2",
        charts=severity_figures(curves),
        curves=curves,
        first=curves[0],
        data=data,
        ends=[list(zip(*curve.interval(), strict=True)) for curve in curves],
        failures=[failures(curve) for curve in curves],
        flips=[flip_in_words(flip, curves[0].strength) for flip in flips],
        spent=cost_of(curves),
        flags={flag.name: flag for curve in curves for flag in curve.flags}.values(),
    )


def write_severity(curves: Sequence[SeverityCurve], data: str, out: Path) -> Path:
    """Writes severity.html into the folder `out`, which is made; returns the page's path."""
    out.mkdir(parents=True, exist_ok=True)
    target = out / "severity.html"
    write_atomic(target, severity_page(curves, data).encode())
    return target
