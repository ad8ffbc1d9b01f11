"""The frequency page: which frequencies a model lives on, which noise breaks it, and whether it follows the coarse or the fine."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Group
from rich.table import Table
from rich.text import Text

from shiftproof._writing import write_atomic
from shiftproof.reports import vega as alt
from shiftproof.reports._html import render
from shiftproof.reports.figure import FULL, ChartRow, Figure, make_figure, table_of
from shiftproof.reports.number_format import confidence, cost, percent, printable, span

if TYPE_CHECKING:
    from shiftproof.diagnostics.bands import FrequencyCurves, SpectralBias
    from shiftproof.diagnostics.critical_band import CriticalBand
    from shiftproof.diagnostics.fourier import FourierHeatMap
    from shiftproof.diagnostics.shape_bias import ShapeBias

_SERIES = ("low frequencies", "high frequencies", "high, contrast raised")


@dataclass(frozen=True, eq=False)
class FrequencyReport:
    """All that was asked of one model's frequencies."""

    model: str
    data: str
    heat_map: FourierHeatMap
    curves: FrequencyCurves
    spectral: SpectralBias
    band: CriticalBand | None
    shape: ShapeBias | None
    left_out: tuple[str, ...] = ()
    asked: int = 0
    sent: int = 0


def heat_map_chart(found: FourierHeatMap) -> Figure:
    """The error under each frequency, zero in the middle."""
    rows: list[ChartRow] = [
        {"down": int(i), "right": int(j), "error": float(found.error[a, b]), "shown": percent(float(found.error[a, b]))}
        for a, i in enumerate(found.down)
        for b, j in enumerate(found.right)
    ]
    step = max(3, 336 // len(found.right))

    def axis(values: np.typing.NDArray[np.int64]) -> alt.Axis:
        ticks = [int(v) for v in values if v % max(1, len(values) // 4) == 0]
        return alt.Axis(values=ticks, grid=False, labelAngle=0, titleAnchor="middle")

    scale = alt.Scale(domain=[0, 1], scheme="viridis")
    legend = alt.Legend(title="error", format="%", labelColor="var(--ink)", titleColor="var(--muted)")
    heads = (("down", "periods down"), ("right", "periods across"), ("shown", "error"))
    chart = (
        alt.Chart(table_of(rows))
        .mark_rect()
        .encode(
            x=alt.X("right:O", title="periods across", axis=axis(found.right)),
            y=alt.Y("down:O", title="periods down", axis=axis(found.down), sort="descending"),
            color=alt.Color("error:Q", scale=scale, legend=legend),
            tooltip=[alt.Tooltip(field=field, type="nominal", title=title) for field, title in heads],
        )
        .properties(height=step * len(found.down))
    )
    i, j, most = found.worst
    what = (
        f"Error under each of {found.error.size} frequencies, zero in the middle; the greatest is {percent(most)} at {i} down, {j} right."
    )
    columns = {"down": "periods down", "right": "periods across", "error": "error"}
    figure = make_figure(chart, what, tables={"frequency": rows}, columns=columns)
    return replace(figure, spec={**figure.spec, "width": step * len(found.right), "autosize": {"type": "pad"}})


def curves_chart(found: FrequencyCurves) -> Figure:
    """Accuracy on the low and on the high frequencies, side by side against the radius that parts them."""
    rows: list[ChartRow] = []
    for name, right in zip(_SERIES, (found.low, found.high, found.high_normalised), strict=True):
        for radius, count, low, high in zip(found.radii, right, *found.interval(right), strict=True):
            ends: ChartRow = {"value": float(count) / found.n, "low": float(low), "high": float(high)}
            shown: ChartRow = {"shown": percent(float(count) / found.n), "span": span((float(low), float(high)))}
            rows.append({"series": name, "radius": float(radius), **ends, **shown})
    legend = alt.Legend(title=None, orient="top", labelColor="var(--ink)", labelLimit=300)
    runs = ["var(--run-1)", "var(--run-2)", "var(--run-3)"]
    colour = alt.Color("series:N", scale=alt.Scale(domain=list(_SERIES), range=runs), legend=legend)
    shape = alt.Shape("series:N", scale=alt.Scale(domain=list(_SERIES), range=["circle", "diamond", "square"]), legend=legend)
    x = alt.X("radius:Q", title="radius, as a share of the Nyquist frequency", axis=alt.Axis(grid=False))

    def y(field: str, title: str | None = None) -> alt.Y:
        return alt.Y(field=field, type="quantitative", scale=FULL, title=title, axis=alt.Axis(format="%", tickCount=5))

    heads = (("series", "kept"), ("radius", "radius"), ("shown", "accuracy"), ("span", "interval"))
    base = alt.Chart(table_of(rows)).encode(x=x, color=colour)
    unmoved: list[ChartRow] = [{"clean": found.clean / found.n}]
    clean = alt.Chart(table_of(unmoved)).mark_rule(color="var(--muted)", strokeDash=[4, 3])
    chart = alt.layer(
        clean.encode(y=y("clean")),
        base.mark_area(opacity=0.13).encode(y=y("low"), y2="high:Q"),
        base.mark_line(strokeWidth=1.8).encode(y=y("value", "accuracy")),
        base.mark_point(filled=True, size=50, opacity=1).encode(
            y=y("value"), shape=shape, tooltip=[alt.Tooltip(field=field, type="nominal", title=title) for field, title in heads]
        ),
    )
    return make_figure(
        chart.properties(height=240),
        f"Accuracy of {found.n} examples on low and on high frequencies, against the radius.",
        tables={"clean accuracy": unmoved, "number": rows},
        columns={"series": "name", "radius": "radius", "value": "accuracy", "low": "low", "high": "high", "clean": "accuracy"},
    )


def band_chart(found: CriticalBand) -> Figure:
    """Accuracy under noise of each octave, a line for each level."""
    rows: list[ChartRow] = [
        {"centre": f"{centre:.3g}", "level": f"{level:g}", "value": float(found.right[b, k]) / found.n}
        for b, centre in enumerate(found.centres)
        for k, level in enumerate(found.levels)
    ]
    names = [f"{level:g}" for level in found.levels]
    order = [f"{centre:.3g}" for centre in found.centres]
    colour = alt.Color(
        "level:N",
        scale=alt.Scale(domain=names, scheme="viridis"),
        legend=alt.Legend(title="noise", labelColor="var(--ink)", titleColor="var(--muted)"),
    )
    base = alt.Chart(table_of(rows)).encode(
        x=alt.X("centre:O", sort=order, title="middle of the octave, periods an image", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("value:Q", scale=FULL, title="accuracy", axis=alt.Axis(format="%", tickCount=5)),
        color=colour,
    )
    return make_figure(
        alt.layer(base.mark_line(strokeWidth=1.8), base.mark_point(filled=True, size=50, opacity=1)).properties(height=220),
        f"Accuracy under noise of {len(order)} octaves, for each of {len(names)} levels.",
        tables={"number": rows},
        columns={"centre": "octave", "level": "noise", "value": "accuracy"},
    )


def _band_in_words(band: CriticalBand) -> str:
    channel = band.channel
    if (band.right[:, 0] <= band.limit * band.n).all():
        return (
            f"Critical band: none; on grey images of low contrast accuracy is {percent(float(band.right[0, 0]) / band.n)} without noise, "
            f"not above the limit of {percent(band.limit)}."
        )
    if not band.threshold.any():
        return f"Critical band: none; noise of no octave up to {band.levels[-1]:g} of the box takes accuracy to {percent(band.limit)}."
    if math.isnan(channel.centre):
        return (
            "Critical band: not told; noise hurts most at the edge of the octaves that fit in these images, or there are fewer than three."
        )
    return (
        f"Critical band: {channel.centre:.3g} periods an image, {channel.bandwidth:.2g} octaves wide, peak sensitivity {channel.peak:.3g} "
        f"(1 where the least noise suffices, halved for each doubling)."
    )


def in_words(report: FrequencyReport) -> list[str]:
    """What was found, a sentence each."""
    heat, curves = report.heat_map, report.curves
    i, j, most = heat.worst
    where = f"one wave of L2 norm {heat.eps:g} a channel"
    said = [f"Error is {percent(heat.clean)} without noise and up to {percent(most)} under {where}, at {_at(i, j)}."]
    if most <= heat.clean:
        said = [
            f"Error is {percent(heat.clean)} without noise and under no wave more: at most {percent(most)} under {where}, at {_at(i, j)}."
        ]
    if not math.isnan(heat.centre):
        side = "coarser" if heat.centre < heat.distance.mean() else "finer"
        said.append(
            f"The waves that hurt lie at {heat.centre:.2f} of the Nyquist frequency on average, {side} than if all hurt alike "
            f"({heat.distance.mean():.2f})."
        )
    if heat.clipped > 0.1:
        said.append(f"The box cut off {percent(heat.clipped)} of the noise: the map understates what such waves do.")
    crossing = f"from a radius of {curves.crossing:g} on" if math.isfinite(curves.crossing) else "at no radius asked for"
    said.append(f"The low frequencies alone carry as much as the high ones {crossing}.")
    if not math.isnan(report.spectral.bias):
        said.append(f"Spectral bias, high / (low + high) by square masks: {report.spectral.bias:.2f} (0 reads low ones alone, 1 high).")
    if report.band is not None:
        said.append(_band_in_words(report.band))
    shape = report.shape
    if shape is not None:
        bias = "no shape bias can be told" if math.isnan(shape.bias) else f"a shape bias of {percent(shape.bias)} ({span(shape.interval)})"
        said.append(
            f"Of {shape.n} hybrids {shape.coarse} are answered by their coarse part, {shape.fine} by their fine part, {shape.neither} by "
            f"neither: {bias}."
        )
        said += [
            f"Cut into {squares} x {squares} pieces in random order, {percent(right / shape.n)} stay right."
            for squares, right in shape.shuffled.items()
        ]
    return [*said, *report.left_out, f"Cost: {cost(report.asked, report.sent)}."]


def _at(down: int, across: int) -> str:
    return f"{abs(down)} periods down and {abs(across)} across"


def terminal_frequency(report: FrequencyReport) -> Group:
    """The curves as a table, and what was found in words."""
    curves = report.curves
    table = Table(title=Text(printable(f"{report.model}: estimates, n = {curves.n}")))
    table.caption = Text(f"{confidence(curves.confidence)} intervals, each by itself")
    for head in ("radius", *_SERIES):
        table.add_column(head, justify="right")
    ends = [curves.interval(right) for right in (curves.low, curves.high, curves.high_normalised)]
    for row, radius in enumerate(curves.radii):
        counts = (curves.low[row], curves.high[row], curves.high_normalised[row])
        shown = [
            f"{percent(float(count) / curves.n)} ({span((float(each.low[row]), float(each.high[row])))})"
            for count, each in zip(counts, ends, strict=True)
        ]
        table.add_row(f"{radius:g}", *shown)
    return Group(table, *(Text(printable(line)) for line in in_words(report)))


def frequency_figures(report: FrequencyReport) -> dict[str, Figure]:
    """Every chart of the page by its name on it; each hands out its numbers with `frame`."""
    figures = {"heat": heat_map_chart(report.heat_map), "curves": curves_chart(report.curves)}
    return figures if report.band is None else {**figures, "band": band_chart(report.band)}


def frequency_page(report: FrequencyReport) -> str:
    """The report as one self-contained HTML file."""
    curves = report.curves
    rows = [
        [
            (float(right[row]) / curves.n, (float(ends.low[row]), float(ends.high[row])))
            for right, ends in ((each, curves.interval(each)) for each in (curves.low, curves.high, curves.high_normalised))
        ]
        for row in range(len(curves.radii))
    ]
    return render("frequency.html.j2", charts=frequency_figures(report), report=report, said=in_words(report), rows=rows, series=_SERIES)


def write_frequency(report: FrequencyReport, out: Path) -> Path:
    """Writes frequency.html into the folder `out`; returns the page's path."""
    out.mkdir(parents=True, exist_ok=True)
    write_atomic(out / "frequency.html", frequency_page(report).encode())
    return out / "frequency.html"
