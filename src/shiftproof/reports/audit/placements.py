"""Charts of where, how large and at which angle an object is still recognised: curves over size and angle, a map over places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from shiftproof.records.audit import Audit, Result
from shiftproof.registry import parse_spec
from shiftproof.reports import vega as alt
from shiftproof.reports.audit import digest
from shiftproof.reports.audit.charts import ACCURACY_COLUMNS, interval_mark, tooltip
from shiftproof.reports.figure import ChartRow, Figure, coloured, make_figure, shaped, share_axis, table_of
from shiftproof.reports.number_format import known, percent, plural

FAMILY = "placed_object"
_SHARES = {"box": "box over picture", "pixels": "object's pixels over picture's", "side": "side of the box over the picture's"}
_PLACES = 4
"""Least number of places of a map."""
Options = Mapping[str, float | int | str | bool]


@dataclass(frozen=True)
class PlacementChart:
    """One chart of a run's placements.

    Args:
        name: of the chart on the page.
        title: in words.
        figure: the chart with its numbers.
        lowest: where the model does worst, in words.
    """

    name: str
    title: str
    figure: Figure
    lowest: str


def placement_charts(audit: Audit) -> list[PlacementChart]:
    """Everything that the run says of placed objects, where it has two sizes, two angles or a map of places."""
    return [
        PlacementChart(f"placed:{number}", title, figure, lowest) for number, (title, figure, lowest) in enumerate(_found(audit), start=1)
    ]


def _found(audit: Audit) -> Iterator[tuple[str, Figure, str]]:
    full = {cell.key: cell.shift_full for cell in audit.cells}
    told: list[tuple[Options, Result]] = []
    for result in digest.plain(audit):
        if result.family == FAMILY and result.kind == "estimate" and known(result.value) is not None and result.cell in full:
            told.append((parse_spec(full[result.cell])[2], result))
    for (counted, *_), group in _grouped(told, ("counted", "place", "across", "under", "on", "mask")):
        sizes, angles = ({options[name] for options, _ in group} for name in ("share", "degrees"))
        if max(len(sizes), len(angles)) == 1:
            continue
        if len(sizes) >= len(angles):
            yield "Size of the object", _lines(group, "share", f"{_SHARES[str(counted)]}", "degrees"), _lowest(group)
        else:
            yield "Angle of the object", _lines(group, "degrees", "degrees, counter-clockwise", "share"), _lowest(group)
    for (share, degrees, *_), group in _grouped(told, ("share", "degrees", "counted", "place", "on", "mask")):
        across, under = ({options[side] for options, _ in group} for side in ("across", "under"))
        if min(len(across), len(under)) > 1 and len(group) >= _PLACES:
            turned = f", turned by {degrees:g}°" if degrees else ""
            yield f"Place of an object of size {share:g}{turned}", _map(group), _lowest(group)


def _grouped(
    told: Sequence[tuple[Options, Result]], alike: Sequence[str]
) -> list[tuple[tuple[float | int | str | bool, ...], list[tuple[Options, Result]]]]:
    """Results in groups that differ in nothing of `alike`, in the order of the records."""
    groups: dict[tuple[float | int | str | bool, ...], list[tuple[Options, Result]]] = {}
    for options, result in told:
        groups.setdefault(tuple(options[name] for name in alike), []).append((options, result))
    return list(groups.items())


def _lowest(group: Sequence[tuple[Options, Result]]) -> str:
    worst = min((result for _, result in group), key=digest.ceiling)
    return f"{percent(known(worst.value))} at {worst.shift}"


def _rows(group: Sequence[tuple[Options, Result]], *fields: str) -> list[ChartRow]:
    rows = [{**interval_mark(r, r.shift), **{name: float(options[name]) for name in fields}} for options, r in group]
    return sorted(rows, key=lambda row: tuple(float(row[name] or 0) for name in fields))


def _lines(group: Sequence[tuple[Options, Result]], field: str, title: str, other: str) -> Figure:
    """Accuracy against one number of the placement, a line for each value of another."""
    rows = [{**row, "line": f"{other} {row[other]:g}"} for row in _rows(group, other, field)]
    names = list(dict.fromkeys(str(row["line"]) for row in rows))
    legend = alt.Legend(title=None, orient="top", symbolStrokeColor="var(--ink)", labelColor="var(--ink)", symbolSize=300)
    several = {"strokeDash": alt.StrokeDash("line:N", sort=names, legend=legend)} if len(names) > 1 else {}
    x = alt.X(f"{field}:Q", title=title, scale=alt.Scale(zero=False, nice=False), axis=alt.Axis(tickCount=6, grid=False, format=".3~r"))
    base = alt.Chart(table_of(rows)).encode(x=x, color=coloured(), detail="line:N")
    band = base.mark_area(opacity=0.1).transform_filter("isValid(datum.low)").encode(y=share_axis("low"), y2="high:Q")
    line = base.mark_line(strokeWidth=1.8).encode(y=share_axis("value"), **several)
    dots = base.mark_point(filled=True, size=26, opacity=1).encode(y=share_axis("value"), shape=shaped(), tooltip=tooltip())
    return make_figure(
        alt.layer(band, line, dots).properties(height=240),
        f"Accuracy from 0 to 100% against {title}, at {plural(len(rows), 'value')}. Every point is in the table of all numbers.",
        tables={"number": rows},
        columns={field: field, other: other, **ACCURACY_COLUMNS},
    )


def _map(group: Sequence[tuple[Options, Result]]) -> Figure:
    rows = _rows(group, "under", "across")
    quarter = "datum.value * 4 % 1 == 0 ? datum.label : ''"
    x = alt.X("across:O", title="centre of the object, across", axis=alt.Axis(labelAngle=0, labelExpr=quarter))
    y = alt.Y("under:O", title="down", axis=alt.Axis(labelExpr=quarter))
    legend = alt.Legend(title="accuracy", format="%", symbolType="square", labelColor="var(--ink)", titleColor="var(--ink)")
    deep = alt.Opacity("value:Q", scale=alt.Scale(domain=[0, 1], range=[0.04, 1]), legend=legend)
    cells = alt.Chart(table_of(rows)).mark_rect(color="var(--estimate)").encode(x=x, y=y, opacity=deep, tooltip=tooltip())
    return make_figure(
        cells.properties(height=420),
        f"Accuracy at {plural(len(rows), 'place')} of the object's centre, the deeper the higher. Each is in the table of all numbers.",
        tables={"number": rows},
        columns={"across": "across", "under": "under", **ACCURACY_COLUMNS},
    )
