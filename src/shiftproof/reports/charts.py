"""Records to charts: Altair in, Vega-Lite specs out. Colours are the page's own CSS variables, so one spec serves light, dark and print."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import altair as alt

from shiftproof.records.audit import Audit, Kind, Result
from shiftproof.reports.audit import digest
from shiftproof.reports.audit.digest import FILTERS, Threat
from shiftproof.reports.number_format import KIND_WORDS, KINDS, amount, amount_span, known, percent, plural, points, points_span, span

if TYPE_CHECKING:
    from shiftproof.evaluation.compare import Row as RunsRow

Spec = dict[str, Any]
"""A Vega-Lite spec: JSON, made by Altair."""
Row = dict[str, str | float | int | None]

_COLOURS = alt.Scale(domain=[KIND_WORDS[k] for k in KINDS], range=["var(--at-least)", "var(--estimate)", "var(--at-most)"])
_SHAPES = alt.Scale(domain=[KIND_WORDS[k] for k in KINDS], range=["triangle-right", "circle", "triangle-left"])
FULL = alt.Scale(domain=[0, 1], nice=False, clamp=True)
"""All shares there are."""
_HEADLINE_ROWS = 20
_LABEL = 30
"""Characters of a row's name that there is room for."""
_GROUP_ROWS = 24
_RUN_ROWS = 24

CONFIG: Spec = {
    "background": "transparent",
    "font": "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "domain": False,
        "ticks": False,
        "gridColor": "var(--line)",
        "labelColor": "var(--muted)",
        "titleColor": "var(--muted)",
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "labelPadding": 6,
    },
    "axisY": {"labelLimit": 230, "titleAnchor": "start"},
    "style": {"names": {"labelColor": "var(--ink)"}},
}
"""The look of every chart, given once to the page."""


def to_spec(chart: alt.Chart | alt.LayerChart, description: str) -> Spec:
    """A chart as a bare spec: full width of its figure, without Altair's own look, described for screen readers."""
    spec: Spec = chart.properties(width="container", description=description).to_dict()
    for outer in ("config", "$schema", "usermeta"):
        spec.pop(outer, None)
    return {**spec, "autosize": {"type": "fit-x", "contains": "padding"}}


def headline(audit: Audit) -> Spec | None:
    """The first picture: for each kind of move the worst measured, every end with its interval, against clean accuracy."""
    rows = _headline_rows(audit)
    if not rows:
        return None
    names = list(dict.fromkeys(str(row["row"]) for row in rows))
    y = alt.Y("row:N", sort=names, title=None, axis=alt.Axis(labelLimit=230, style="names", grid=False))
    layers: list[alt.Chart] = [*_clean_layers(audit), *_brackets(audit, names, y), *_intervals_and_marks(rows, y)]
    what = f"Accuracy from 0 to 100% in {plural(len(names), 'row')}: {', '.join(names)}. The same numbers are in the table below."
    return to_spec(alt.layer(*layers).properties(height=30 * len(names)), what)


def _headline_rows(audit: Audit) -> list[Row]:
    rows: list[Row] = []
    for natural in audit.natural:
        if known(natural.accuracy) is not None:
            rows.append(_row(natural.source, "estimate", natural.accuracy, natural.interval, "another sample", natural.n))
    worst_group = min(
        (r for r in digest.groups(audit) if r.shift == "identity" and known(r.value) is not None), key=digest.ceiling, default=None
    )
    if worst_group:
        rows.append(_mark(worst_group, f"group {worst_group.group}"))
    for threat in digest.worst_of_each_family(audit):
        rows += [_mark(result, _label(threat)) for result in threat.numbers]
    worst: dict[str, float] = {}
    for row in rows:
        top = row["value"] if row["high"] is None else row["high"]
        if isinstance(top, float) and row["kind"] != KIND_WORDS["at_least"]:
            worst[str(row["row"])] = min(top, worst.get(str(row["row"]), top))
    kept = sorted({str(row["row"]): None for row in rows}, key=lambda name: worst.get(name, 2.0))[:_HEADLINE_ROWS]
    return sorted((row for row in rows if row["row"] in kept), key=lambda row: kept.index(str(row["row"])))


def _label(threat: Threat) -> str:
    """The shift, without all but its strength where that would be cut off; a family has one row, and the table has the rest."""
    strongest = threat.numbers[0]
    if len(threat.shift) <= _LABEL or strongest.strength is None or strongest.strength_name is None:
        return threat.shift
    return f"{threat.family}({strongest.strength_name}={strongest.strength:.4g})"


def _mark(result: Result, name: str) -> Row:
    row = _row(name, result.kind, result.value, result.interval, result.search, result.n)
    return {**row, "shown": amount(result.value, result.measure), "span": amount_span(result.interval, result.measure)}


def _row(name: str, kind: Kind, value: float | None, interval: tuple[float, float] | None, how: str, n: int) -> Row:
    low, high = interval or (None, None)
    return {
        "row": name,
        "kind": KIND_WORDS[kind],
        "value": known(value),
        "low": known(low),
        "high": known(high),
        "how": how,
        "n": n,
        "shown": percent(value),
        "span": span(interval),
    }


def _tooltip(first: str = "row", head: str = "what") -> list[alt.Tooltip]:
    fields = ((first, head), ("kind", "claims"), ("shown", "accuracy"), ("span", "interval"), ("how", "by"), ("n", "examples"))
    return [alt.Tooltip(field=field, type="nominal", title=title) for field, title in fields]


def _x(field: str = "value", title: str | None = "accuracy") -> alt.X:
    return alt.X(field=field, type="quantitative", scale=FULL, title=title, axis=alt.Axis(format="%", tickCount=5))


def named(spec: Spec, word: str) -> Spec:
    """The chart with another word for accuracy in its titles and texts."""
    return spec if word == "accuracy" else {key: _named(key, value, word) for key, value in spec.items()}


def _named(key: str, value: Any, word: str) -> Any:
    if isinstance(value, dict):
        return {inner: _named(inner, part, word) for inner, part in value.items()}
    if isinstance(value, list):
        return [_named(key, part, word) for part in value]
    if key == "title" and value == "accuracy":
        return word
    if key in ("what", "description") and isinstance(value, str):
        return value.replace("clean accuracy", f"clean {word}").replace("Clean accuracy", f"Clean {word}")
    return value


def table_of(rows: Sequence[Row]) -> alt.Data:
    """Rows as a chart's data."""
    return alt.Data(values=list(rows))  # type: ignore[no-untyped-call]


def _clean_layers(audit: Audit, *, upright: bool = True) -> list[alt.Chart]:
    """A line at clean accuracy and a band over its interval."""
    accuracy = known(audit.clean.accuracy)
    if accuracy is None:
        return []
    low, high = audit.clean.interval or (accuracy, accuracy)
    what = f"clean accuracy {percent(accuracy)}, {span(audit.clean.interval)}, on {plural(audit.clean.n, 'example')}"
    base = alt.Chart(table_of([{"clean": accuracy, "low": low, "high": high, "what": what}])).encode(
        tooltip=alt.Tooltip("what:N", title="line")
    )
    band, rule = base.mark_rect(color="var(--muted)", opacity=0.13), base.mark_rule(color="var(--muted)", strokeDash=[4, 3])
    if upright:
        return [band.encode(x=_x("low"), x2="high:Q"), rule.encode(x=_x("clean"))]
    return [band.encode(y=share_axis("low"), y2="high:Q"), rule.encode(y=share_axis("clean"))]


def coloured() -> alt.Color:
    """The colour of what a number claims, its field `kind`."""
    return alt.Color("kind:N", scale=_COLOURS, legend=None)


def shaped() -> alt.Shape:
    """The shape of what a number claims."""
    return alt.Shape("kind:N", scale=_SHAPES, legend=None)


def share_axis(field: str) -> alt.Y:
    """A share from 0 to 100% on the upright axis."""
    return alt.Y(field=field, type="quantitative", scale=FULL, title=None, axis=alt.Axis(format="%", tickCount=3))


def _brackets(audit: Audit, names: Sequence[str], y: alt.Y) -> list[alt.Chart]:
    """From what is proven to what an attack leaves; dotted from 0 where nothing is proven."""
    by_name = {name: threat for threat in digest.worst_of_each_family(audit) if (name := _label(threat)) in names}
    solid, dotted = _bracket_rows(list(by_name.values()))
    found: list[alt.Chart] = []
    for rows, look in ((solid, {"strokeWidth": 5, "opacity": 0.35}), (dotted, {"strokeWidth": 2, "strokeDash": [1, 4], "opacity": 0.8})):
        if rows:
            mark = alt.MarkDef(type="rule", color="var(--bracket)", strokeCap="round", **look)
            chart = alt.Chart(table_of(rows), mark=mark).encode(x=_x("from"), x2="to:Q", y=y, tooltip=alt.Tooltip("what:N", title="truth"))
            found.append(chart)
    return found


def _bracket_rows(found: Sequence[Threat]) -> tuple[list[Row], list[Row]]:
    solid: list[Row] = []
    dotted: list[Row] = []
    for threat in found:
        if threat.attacked is None or (top := known(threat.attacked.value)) is None:
            continue
        floor = known(threat.proven.value) if threat.proven else None
        what = f"between {percent(floor)} and {percent(top)}" if floor is not None else f"nothing proven: anywhere up to {percent(top)}"
        row: Row = {"row": _label(threat), "from": 0.0 if floor is None else floor, "to": top, "what": what}
        (dotted if floor is None else solid).append(row)
    return solid, dotted


def _intervals_and_marks(rows: Sequence[Row], y: alt.Y) -> list[alt.Chart]:
    base = alt.Chart(table_of(rows)).encode(y=y, color=coloured(), tooltip=_tooltip())
    bars = base.mark_rule(strokeWidth=2, opacity=0.65).transform_filter("isValid(datum.low)").encode(x=_x("low"), x2="high:Q")
    dots = base.mark_point(filled=True, size=95, opacity=1).encode(x=_x(), shape=shaped())
    return [bars, dots]


def curves(audit: Audit) -> list[tuple[str, Spec]]:
    """Accuracy against strength, one small chart for each family measured at two strengths or more."""
    by_family: dict[str, list[Result]] = {}
    for result in digest.plain(audit):
        if result.strength is not None and known(result.value) is not None and result.family not in FILTERS and result.shift != "identity":
            by_family.setdefault(result.family, []).append(result)
    several = {family: results for family, results in by_family.items() if len({r.strength for r in results}) > 1}
    return [(family, _curve(audit, family, results)) for family, results in several.items()]


def _curve(audit: Audit, family: str, results: Sequence[Result]) -> Spec:
    rows: list[Row] = [{**_mark(r, r.shift), "strength": r.strength, "series": r.kind} for r in digest.tightest(results)]
    title = results[0].strength_name or "strength"
    x = alt.X("strength:Q", title=title, scale=alt.Scale(zero=True, nice=False), axis=alt.Axis(tickCount=4, grid=False, format=".3~r"))
    base = alt.Chart(table_of(rows)).encode(x=x, color=coloured(), detail="series:N")
    band = base.mark_area(opacity=0.16).transform_filter("isValid(datum.low)").encode(y=share_axis("low"), y2="high:Q")
    line = base.mark_line(strokeWidth=1.8).encode(y=share_axis("value"))
    dots = base.mark_point(filled=True, size=55, opacity=1).encode(y=share_axis("value"), shape=shaped(), tooltip=_tooltip())
    chart = alt.layer(*_clean_layers(audit, upright=False), band, line, dots).properties(height=150)
    return to_spec(chart, f"Accuracy from 0 to 100% under {family} against {title}. Every point is in the table of all numbers.")


def group_chart(audit: Audit) -> Spec | None:
    """Each group's clean accuracy with its interval, worst first."""
    results = [r for r in digest.groups(audit) if r.shift == "identity" and known(r.value) is not None]
    if not results:
        return None
    results = sorted(results, key=digest.ceiling)[:_GROUP_ROWS]
    rows = [_mark(r, r.group or "") for r in results]
    names = [str(row["row"]) for row in rows]
    y = alt.Y("row:N", sort=names, title=None, axis=alt.Axis(labelLimit=230, style="names", grid=False))
    chart = alt.layer(*_clean_layers(audit), *_intervals_and_marks(rows, y)).properties(height=26 * len(names))
    return to_spec(chart, f"Clean accuracy of {plural(len(rows), 'group')}, worst first; the same numbers are in the table below.")


def frequency_chart(audit: Audit) -> Spec | None:
    """Accuracy on what each frequency filter leaves, against its radius."""
    results = [r for r in digest.plain(audit) if r.family in FILTERS and r.strength is not None and known(r.value) is not None]
    if not results:
        return None
    rows: list[Row] = [
        {**_mark(r, r.shift), "strength": r.strength, "series": f"{r.family} {r.search} {r.kind}", "filter": r.family} for r in results
    ]
    used = [name for name in FILTERS if any(r.family == name for r in results)]
    dashes = alt.Scale(domain=used, range=[{"low_pass": [1, 0], "high_pass": [6, 4], "band_pass": [1, 4]}[name] for name in used])
    legend = alt.Legend(title=None, orient="top", symbolStrokeColor="var(--ink)", labelColor="var(--ink)", symbolSize=300)
    x = alt.X("strength:Q", title=results[0].strength_name or "radius", axis=alt.Axis(grid=False, tickCount=6, format=".3~r"))
    base = alt.Chart(table_of(rows)).encode(x=x, color=coloured(), detail="series:N")
    band = base.mark_area(opacity=0.14).transform_filter("isValid(datum.low)").encode(y=share_axis("low"), y2="high:Q")
    line = base.mark_line(strokeWidth=2, strokeCap="round").encode(
        y=share_axis("value"), strokeDash=alt.StrokeDash("filter:N", scale=dashes, legend=legend)
    )
    dots = base.mark_point(filled=True, size=55, opacity=1).encode(y=share_axis("value"), shape=shaped(), tooltip=_tooltip())
    chart = alt.layer(*_clean_layers(audit, upright=False), band, line, dots).properties(height=220)
    return to_spec(chart, f"Accuracy on what {', '.join(used)} leave of each image, against the filter's radius.")


def natural_chart(audit: Audit) -> Spec | None:
    """How accuracy elsewhere differs from that on the audit's own data."""
    rows: list[Row] = []
    for natural in audit.natural:
        low, high = natural.difference_interval or (None, None)
        shown, between = points(natural.difference), points_span(natural.difference_interval)
        row: Row = {"row": natural.source, "value": known(natural.difference), "low": known(low), "high": known(high), "n": natural.n}
        if row["value"] is not None:
            rows.append({**row, "kind": "estimate", "shown": shown, "span": between, "how": "difference of two samples"})
    if not rows:
        return None
    scale, axis = alt.Scale(nice=True, zero=True), alt.Axis(format="+%", tickCount=4)

    def x(field: str) -> alt.X:
        return alt.X(field=field, type="quantitative", scale=scale, axis=axis, title="there minus here")

    y = alt.Y("row:N", sort=[str(row["row"]) for row in rows], title=None, axis=alt.Axis(labelLimit=230, style="names", grid=False))
    zero = alt.Chart(table_of([{"zero": 0}])).mark_rule(color="var(--muted)").encode(x=x("zero"))
    base = alt.Chart(table_of(rows)).encode(y=y, color=coloured(), tooltip=_tooltip())
    bars = base.mark_rule(strokeWidth=2, opacity=0.65).transform_filter("isValid(datum.low)").encode(x=x("low"), x2="high:Q")
    dots = base.mark_point(filled=True, size=95, opacity=1).encode(x=x("value"))
    chart = alt.layer(zero, bars, dots).properties(height=30 * len(rows))
    return to_spec(chart, "Difference of accuracy on each other sample; the same numbers are in the table below.")


def runs_chart(names: Sequence[str], compared: Sequence[RunsRow], kind: Kind) -> Spec | None:
    """One kind of number of several runs, a row each, a colour and a shape for each run."""
    labels = [f"{place} {name}" for place, name in enumerate(names, 1)]
    rows: list[Row] = []
    for row in compared[:_RUN_ROWS]:
        for label, result in zip(labels, row.results, strict=True):
            if result is not None and result.kind == kind and known(result.value) is not None:
                rows.append({**_mark(result, _short(row, compared)), "run": label})
    if not rows:
        return None
    order = list(dict.fromkeys(str(row["row"]) for row in rows))
    colours = alt.Scale(domain=labels, range=[f"var(--run-{place % 6 + 1})" for place in range(len(labels))])
    shapes = alt.Scale(domain=labels, range=["circle", "diamond", "square", "cross", "triangle-up", "stroke"][: len(labels)])
    y = alt.Y("row:N", sort=order, title=None, axis=alt.Axis(labelLimit=230, style="names", grid=False))
    legend = alt.Legend(title=None, orient="top", direction="vertical", labelColor="var(--ink)", labelLimit=600, labelFontSize=12)
    tooltip = [alt.Tooltip(field="run", type="nominal"), *_tooltip()]
    base = alt.Chart(table_of(rows)).encode(y=y, yOffset=alt.YOffset("run:N", sort=labels), tooltip=tooltip)
    bars = base.mark_rule(strokeWidth=2, opacity=0.65).transform_filter("isValid(datum.low)")
    dots = base.mark_point(filled=True, size=70, opacity=1)
    chart = alt.layer(
        bars.encode(x=_x("low"), x2="high:Q", color=alt.Color("run:N", scale=colours, legend=legend)),
        dots.encode(x=_x(), color=alt.Color("run:N", scale=colours, legend=legend), shape=alt.Shape("run:N", scale=shapes, legend=legend)),
    )
    return to_spec(
        chart.properties(height=len(order) * (12 + 12 * len(labels))),
        f"{KIND_WORDS[kind].capitalize()}, {plural(len(order), 'number')} of {plural(len(labels), 'run')}; the table below has the same.",
    )


def _short(row: RunsRow, compared: Sequence[RunsRow]) -> str:
    """The row's shift and its search without options, where that says which row it is; else in full."""
    if row.search == "one_draw":
        return row.shift
    name = row.search.partition("(")[0]
    alike = {other.search for other in compared if other.shift == row.shift and other.search.partition("(")[0] == name}
    return f"{row.shift}, {name if len(alike) == 1 else row.search}"
