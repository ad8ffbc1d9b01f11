"""The charts of an audit's page over all its shifts: headline, curves, groups, frequency filters, other samples."""

from __future__ import annotations

from collections.abc import Sequence

from shiftproof.records.audit import Audit, ClaimKind, Result
from shiftproof.reports import vega as alt
from shiftproof.reports.audit import digest
from shiftproof.reports.audit.digest import FILTERS, ThreatNumbers
from shiftproof.reports.figure import FULL, ChartRow, Figure, coloured, make_figure, shaped, share_axis, table_of
from shiftproof.reports.number_format import KIND_WORDS, amount, amount_span, known, percent, plural, points, points_span, span
from shiftproof.reports.shift_words import in_shift_words

_HEADLINE_ROWS = 20
NAMES = alt.Axis(
    style="names",
    grid=False,
    labelExpr=r"split(trim(replace(datum.label, regexp('(.{1,22})(\\s|$)', 'g'), '$1\n')), '\n')",
)
"""The names of rows, broken into lines between words."""
_GROUP_ROWS = 24
ACCURACY_COLUMNS = {"row": "name", "kind": "claim", "value": "accuracy", "low": "low", "high": "high", "how": "by", "n": "examples"}
"""The columns of numbers with their intervals."""
_CLEAN_COLUMNS = {"clean": "accuracy", "low": "low", "high": "high"}


def headline(audit: Audit) -> Figure | None:
    """The first picture: for each kind of move the worst measured, every end with its interval, against clean accuracy."""
    rows = _headline_rows(audit)
    if not rows:
        return None
    names = list(dict.fromkeys(str(row["row"]) for row in rows))
    y = alt.Y("row:N", sort=names, title=None, axis=NAMES)
    clean = _clean_rows(audit)
    solid, dotted = _bracket_rows([threat for threat in digest.worst_of_each_family(audit) if _label(threat) in names])
    layers = [*_clean_layers(clean), *_brackets(solid, dotted, y), *_intervals_and_marks(rows, y)]
    return make_figure(
        alt.layer(*layers).properties(height=44 * len(names)),
        f"Accuracy from 0 to 100% in {plural(len(names), 'row')}: {', '.join(names)}. The same numbers are in the table below.",
        tables={"clean accuracy": clean, "bracket": [*solid, *dotted], "number": rows},
        columns={**ACCURACY_COLUMNS, **_CLEAN_COLUMNS, "from": "from", "to": "to"},
    )


def _headline_rows(audit: Audit) -> list[ChartRow]:
    rows: list[ChartRow] = []
    for natural in audit.natural:
        if known(natural.accuracy) is not None:
            rows.append(_row(natural.source, "estimate", natural.accuracy, natural.interval, "another sample", natural.n))
    worst_group = min(
        (r for r in digest.groups(audit) if r.shift == "identity" and known(r.value) is not None), key=digest.ceiling, default=None
    )
    if worst_group:
        rows.append(interval_mark(worst_group, f"group {worst_group.group}"))
    for threat in digest.worst_of_each_family(audit):
        rows += [interval_mark(result, _label(threat)) for result in threat.numbers if result.kind != "at_least" or result.value]
    worst: dict[str, float] = {}
    for row in rows:
        top = row["value"] if row["high"] is None else row["high"]
        if isinstance(top, float) and row["kind"] != KIND_WORDS["at_least"]:
            worst[str(row["row"])] = min(top, worst.get(str(row["row"]), top))
    kept = sorted({str(row["row"]): None for row in rows}, key=lambda name: worst.get(name, 2.0))[:_HEADLINE_ROWS]
    return sorted((row for row in rows if row["row"] in kept), key=lambda row: kept.index(str(row["row"])))


def _label(threat: ThreatNumbers) -> str:
    """The shift in words; a family has one row, and the table has the rest with their specs."""
    return in_shift_words(threat.shift)


def interval_mark(result: Result, name: str) -> ChartRow:
    """A result with its interval, in its own unit, under a name."""
    row = _row(name, result.kind, result.value, result.interval, result.search, result.n)
    return {**row, "shown": amount(result.value, result.measure), "span": amount_span(result.interval, result.measure)}


def _row(name: str, kind: ClaimKind, value: float | None, interval: tuple[float, float] | None, how: str, n: int) -> ChartRow:
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


def tooltip() -> list[alt.Tooltip]:
    """What is read beside a number: its name, claim, interval, search and number of examples."""
    fields = (("row", "what"), ("kind", "claims"), ("shown", "accuracy"), ("span", "interval"), ("how", "by"), ("n", "examples"))
    return [alt.Tooltip(field=field, type="nominal", title=title) for field, title in fields]


def share_x(field: str = "value") -> alt.X:
    """A share from 0 to 100% on the level axis."""
    return alt.X(field=field, type="quantitative", scale=FULL, title="accuracy", axis=alt.Axis(format="%", tickCount=5))


def _clean_rows(audit: Audit) -> list[ChartRow]:
    """Clean accuracy with its interval; none where it was not measured."""
    accuracy = known(audit.clean.accuracy)
    if accuracy is None:
        return []
    low, high = audit.clean.interval or (accuracy, accuracy)
    what = f"clean accuracy {percent(accuracy)}, {span(audit.clean.interval)}, on {plural(audit.clean.n, 'example')}"
    return [{"clean": accuracy, "low": low, "high": high, "what": what}]


def _clean_layers(rows: Sequence[ChartRow], *, upright: bool = True) -> list[alt.Chart]:
    """A line at clean accuracy and a band over its interval."""
    if not rows:
        return []
    base = alt.Chart(table_of(rows)).encode(tooltip=alt.Tooltip("what:N", title="line"))
    band, rule = base.mark_rect(color="var(--muted)", opacity=0.13), base.mark_rule(color="var(--muted)", strokeDash=[4, 3])
    if upright:
        return [band.encode(x=share_x("low"), x2="high:Q"), rule.encode(x=share_x("clean"))]
    return [band.encode(y=share_axis("low"), y2="high:Q"), rule.encode(y=share_axis("clean"))]


def _brackets(solid: Sequence[ChartRow], dotted: Sequence[ChartRow], y: alt.Y) -> list[alt.Chart]:
    """From what is proven to what an attack leaves; dotted from 0 where nothing is proven."""
    found: list[alt.Chart] = []
    for rows, look in ((solid, {"strokeWidth": 5, "opacity": 0.35}), (dotted, {"strokeWidth": 2, "strokeDash": [1, 4], "opacity": 0.8})):
        if rows:
            mark = alt.MarkDef(type="rule", color="var(--bracket)", strokeCap="round", **look)
            chart = alt.Chart(table_of(rows), mark=mark).encode(
                x=share_x("from"), x2="to:Q", y=y, tooltip=alt.Tooltip("what:N", title="truth")
            )
            found.append(chart)
    return found


def _bracket_rows(found: Sequence[ThreatNumbers]) -> tuple[list[ChartRow], list[ChartRow]]:
    solid: list[ChartRow] = []
    dotted: list[ChartRow] = []
    for threat in found:
        if threat.attacked is None or (top := known(threat.attacked.value)) is None:
            continue
        floor = (known(threat.proven.value) or None) if threat.proven else None
        what = f"between {percent(floor)} and {percent(top)}" if floor is not None else f"nothing proven: anywhere up to {percent(top)}"
        row: ChartRow = {"row": _label(threat), "from": 0.0 if floor is None else floor, "to": top, "what": what}
        (dotted if floor is None else solid).append(row)
    return solid, dotted


def _intervals_and_marks(rows: Sequence[ChartRow], y: alt.Y) -> list[alt.Chart]:
    base = alt.Chart(table_of(rows)).encode(y=y, color=coloured(), tooltip=tooltip())
    bars = base.mark_rule(strokeWidth=2, opacity=0.65).transform_filter("isValid(datum.low)").encode(x=share_x("low"), x2="high:Q")
    dots = base.mark_point(filled=True, size=95, opacity=1).encode(x=share_x(), shape=shaped())
    return [bars, dots]


def curves(audit: Audit) -> list[tuple[str, Figure]]:
    """Accuracy against strength, one small chart for each family measured at two strengths or more."""
    by_family: dict[str, list[Result]] = {}
    for result in digest.plain(audit):
        if result.strength is not None and known(result.value) is not None and result.family not in FILTERS and result.shift != "identity":
            by_family.setdefault(result.family, []).append(result)
    several = {family: results for family, results in by_family.items() if len({r.strength for r in results}) > 1}
    return [(family, _curve(audit, family, results)) for family, results in several.items()]


def _curve(audit: Audit, family: str, results: Sequence[Result]) -> Figure:
    rows: list[ChartRow] = [{**interval_mark(r, r.shift), "strength": r.strength, "series": r.kind} for r in digest.tightest(results)]
    title = results[0].strength_name or "strength"
    x = alt.X("strength:Q", title=title, scale=alt.Scale(zero=True, nice=False), axis=alt.Axis(tickCount=4, grid=False, format=".3~r"))
    base = alt.Chart(table_of(rows)).encode(x=x, color=coloured(), detail="series:N")
    band = base.mark_area(opacity=0.16).transform_filter("isValid(datum.low)").encode(y=share_axis("low"), y2="high:Q")
    line = base.mark_line(strokeWidth=1.8).encode(y=share_axis("value"))
    dots = base.mark_point(filled=True, size=55, opacity=1).encode(y=share_axis("value"), shape=shaped(), tooltip=tooltip())
    clean = _clean_rows(audit)
    return make_figure(
        alt.layer(*_clean_layers(clean, upright=False), band, line, dots).properties(height=150),
        f"Accuracy from 0 to 100% under {family} against {title}. Every point is in the table of all numbers.",
        tables={"clean accuracy": clean, "number": rows},
        columns={"strength": "strength", **ACCURACY_COLUMNS, **_CLEAN_COLUMNS},
    )


def group_chart(audit: Audit) -> Figure | None:
    """Each group's clean accuracy with its interval, worst first."""
    results = [r for r in digest.groups(audit) if r.shift == "identity" and known(r.value) is not None]
    if not results:
        return None
    results = sorted(results, key=digest.ceiling)[:_GROUP_ROWS]
    rows = [interval_mark(r, r.group or "") for r in results]
    names = [str(row["row"]) for row in rows]
    y = alt.Y("row:N", sort=names, title=None, axis=NAMES)
    clean = _clean_rows(audit)
    return make_figure(
        alt.layer(*_clean_layers(clean), *_intervals_and_marks(rows, y)).properties(height=26 * len(names)),
        f"Clean accuracy of {plural(len(rows), 'group')}, worst first; the same numbers are in the table below.",
        tables={"clean accuracy": clean, "number": rows},
        columns={**ACCURACY_COLUMNS, **_CLEAN_COLUMNS},
    )


def frequency_chart(audit: Audit) -> Figure | None:
    """Accuracy on what each frequency filter leaves, against its radius."""
    results = [r for r in digest.plain(audit) if r.family in FILTERS and r.strength is not None and known(r.value) is not None]
    if not results:
        return None
    rows: list[ChartRow] = [
        {**interval_mark(r, r.shift), "strength": r.strength, "series": f"{r.family} {r.search} {r.kind}", "filter": r.family}
        for r in results
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
    dots = base.mark_point(filled=True, size=55, opacity=1).encode(y=share_axis("value"), shape=shaped(), tooltip=tooltip())
    clean = _clean_rows(audit)
    return make_figure(
        alt.layer(*_clean_layers(clean, upright=False), band, line, dots).properties(height=220),
        f"Accuracy on what {', '.join(used)} leave of each image, against the filter's radius.",
        tables={"clean accuracy": clean, "number": rows},
        columns={"filter": "filter", "strength": "radius", **ACCURACY_COLUMNS, **_CLEAN_COLUMNS},
    )


def natural_chart(audit: Audit) -> Figure | None:
    """How accuracy on other samples differs from that on the audit's own data."""
    rows: list[ChartRow] = []
    for natural in audit.natural:
        low, high = natural.difference_interval or (None, None)
        shown, between = points(natural.difference), points_span(natural.difference_interval)
        row: ChartRow = {"row": natural.source, "value": known(natural.difference), "low": known(low), "high": known(high), "n": natural.n}
        if row["value"] is not None:
            rows.append({**row, "kind": "estimate", "shown": shown, "span": between, "how": "difference of two samples"})
    if not rows:
        return None
    scale, axis = alt.Scale(nice=True, zero=True), alt.Axis(format="+%", tickCount=4)

    def x(field: str) -> alt.X:
        return alt.X(field=field, type="quantitative", scale=scale, axis=axis, title="there minus here")

    y = alt.Y("row:N", sort=[str(row["row"]) for row in rows], title=None, axis=NAMES)
    level: list[ChartRow] = [{"zero": 0}]
    zero = alt.Chart(table_of(level)).mark_rule(color="var(--muted)").encode(x=x("zero"))
    base = alt.Chart(table_of(rows)).encode(y=y, color=coloured(), tooltip=tooltip())
    bars = base.mark_rule(strokeWidth=2, opacity=0.65).transform_filter("isValid(datum.low)").encode(x=x("low"), x2="high:Q")
    dots = base.mark_point(filled=True, size=95, opacity=1).encode(x=x("value"))
    chart = alt.layer(zero, bars, dots).properties(height=30 * len(rows))
    return make_figure(
        chart,
        "Difference of accuracy on each other sample; the same numbers are in the table below.",
        tables={"no difference": level, "number": rows},
        columns={**ACCURACY_COLUMNS, "value": "difference", "zero": "difference"},
    )
