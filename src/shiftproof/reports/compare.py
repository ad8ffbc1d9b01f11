"""The page of several runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from shiftproof._writing import write_atomic
from shiftproof.records.audit import ClaimKind, Result
from shiftproof.records.comparison import Comparison, ComparisonRow
from shiftproof.reports import vega as alt
from shiftproof.reports._html import render
from shiftproof.reports.audit.charts import ACCURACY_COLUMNS, NAMES, interval_mark, share_x, tooltip
from shiftproof.reports.audit.terminal import difference, is_plain
from shiftproof.reports.figure import ChartRow, Figure, make_figure, table_of
from shiftproof.reports.number_format import KIND_WORDS, KINDS, known, plural, points
from shiftproof.reports.shift_words import in_shift_words
from shiftproof.risks.paired import PairedComparison

_RUN_ROWS = 24
_ROW = 44
"""Pixels of a row whose name has three lines."""


@dataclass(frozen=True)
class RunNumber:
    """One run's number in a row, with its difference from the first run's."""

    result: Result | None
    difference: float | None
    paired: PairedComparison | None


@dataclass(frozen=True)
class ComparedLine:
    """One row of a table: what it is, and each run's entry."""

    row: ComparisonRow
    entries: list[RunNumber]


@dataclass(frozen=True)
class ClaimTable:
    """All rows of one kind of claim, accuracies over everyone apart from the rest."""

    kind: ClaimKind
    main: list[ComparedLine]
    others: list[ComparedLine]


def compare(comparison: Comparison) -> str:
    """Runs side by side as one self-contained HTML file.

    The same numbers stand in rows, one table for each kind of claim, so that estimates and bounds never meet. Differences are from the
    first run; where examples pair, they are over the pairs, with their interval and McNemar's exact test.
    """
    parts = [part for kind in KINDS if (part := _part(comparison.rows, kind)).main or part.others]
    return render(
        "compare.html.j2",
        charts=comparison_figures(comparison),
        names=comparison.names,
        alone=comparison.alone,
        word=comparison.audits[0].judge.word,
        audits=comparison.audits,
        parts=parts,
        headline=headline(comparison),
        same_data=len({audit.data.fingerprint for audit in comparison.audits}) == 1,
        tested=any(pair is not None for row in comparison.rows for pair in row.paired),
    )


def headline(comparison: Comparison) -> list[str]:
    """For each further run, on how many of the tested accuracies over everyone it is better or worse than the first; and where most."""
    said: list[str] = []
    for place, name in enumerate(comparison.names[1:], 1):
        tested = [(row, pair) for row in comparison.rows if is_plain(row) and (pair := row.paired[place]) is not None]
        sure = [(row, pair) for row, pair in tested if pair.p_value < 1 - _CONFIDENCE]
        if not tested:
            said.append(f"{name}: no number could be tested against {comparison.names[0]}, as the examples do not pair.")
            continue
        better = sum(pair.difference > 0 for _, pair in sure)
        counts = f"better on {better}, worse on {len(sure) - better} of {plural(len(tested), 'tested number')}"
        most = max(sure, key=lambda found: abs(found[1].difference), default=None)
        where = f"; most on {in_shift_words(most[0].shift)} ({points(most[1].difference)})" if most else "; every difference may be chance"
        said.append(f"{name} against {comparison.names[0]}: {counts}{where}. Each test stands for itself.")
    return said


_CONFIDENCE = 0.95


def comparison_figures(comparison: Comparison) -> dict[str, Figure]:
    """Every chart of the page by its name on it; each hands out its numbers with `frame`."""
    drawn = {kind: runs_chart(comparison.names, [line.row for line in _part(comparison.rows, kind).main], kind) for kind in KINDS}
    word = comparison.audits[0].judge.word
    return {kind: figure.named(word) for kind, figure in drawn.items() if figure is not None}


def write_comparison(comparison: Comparison, out: Path) -> Path:
    """Writes comparison.html into the folder `out`, which is made; returns the page's path."""
    out.mkdir(parents=True, exist_ok=True)
    target = out / "comparison.html"
    write_atomic(target, compare(comparison).encode())
    return target


def _part(rows: Sequence[ComparisonRow], kind: ClaimKind) -> ClaimTable:
    lines = [_line(row, kind) for row in rows if any(r is not None and r.kind == kind for r in row.results)]
    return ClaimTable(kind, [line for line in lines if is_plain(line.row)], [line for line in lines if not is_plain(line.row)])


def _line(row: ComparisonRow, kind: ClaimKind) -> ComparedLine:
    results = [r if r is not None and r.kind == kind else None for r in row.results]
    entries = [RunNumber(result, difference(results[0], result), pair) for result, pair in zip(results, row.paired, strict=True)]
    return ComparedLine(row, entries)


def runs_chart(names: Sequence[str], compared: Sequence[ComparisonRow], kind: ClaimKind) -> Figure | None:
    """One kind of number of several runs, a row each, a colour and a shape for each run."""
    labels = [f"{place} {name}" for place, name in enumerate(names, 1)]
    rows: list[ChartRow] = []
    for row in compared[:_RUN_ROWS]:
        for label, result in zip(labels, row.results, strict=True):
            if result is not None and result.kind == kind and known(result.value) is not None:
                rows.append({**interval_mark(result, _short(row, compared)), "run": label})
    if not rows:
        return None
    order = list(dict.fromkeys(str(row["row"]) for row in rows))
    colours = alt.Scale(domain=labels, range=[f"var(--run-{place % 6 + 1})" for place in range(len(labels))])
    shapes = alt.Scale(domain=labels, range=["circle", "diamond", "square", "cross", "triangle-up", "stroke"][: len(labels)])
    y = alt.Y("row:N", sort=order, title=None, axis=NAMES)
    legend = alt.Legend(title=None, orient="top", direction="vertical", labelColor="var(--ink)", labelLimit=600, labelFontSize=12)
    tips = [alt.Tooltip(field="run", type="nominal"), *tooltip()]
    base = alt.Chart(table_of(rows)).encode(y=y, yOffset=alt.YOffset("run:N", sort=labels), tooltip=tips)
    bars = base.mark_rule(strokeWidth=2, opacity=0.65).transform_filter("isValid(datum.low)")
    dots = base.mark_point(filled=True, size=70, opacity=1)
    chart = alt.layer(
        bars.encode(x=share_x("low"), x2="high:Q", color=alt.Color("run:N", scale=colours, legend=legend)),
        dots.encode(
            x=share_x(), color=alt.Color("run:N", scale=colours, legend=legend), shape=alt.Shape("run:N", scale=shapes, legend=legend)
        ),
    )
    return make_figure(
        chart.properties(height=len(order) * max(_ROW, 12 + 12 * len(labels))),
        f"{KIND_WORDS[kind].capitalize()}, {plural(len(order), 'number')} of {plural(len(labels), 'run')}; the table below has the same.",
        tables={"number": rows},
        columns={"run": "run", **ACCURACY_COLUMNS},
    )


def _short(row: ComparisonRow, compared: Sequence[ComparisonRow]) -> str:
    """The row's shift and its search without options, where that says which row it is; else in full."""
    shift = in_shift_words(row.shift)
    if row.search == "one_draw":
        return shift
    name = row.search.partition("(")[0]
    alike = {other.search for other in compared if other.shift == row.shift and other.search.partition("(")[0] == name}
    return f"{shift}, {name if len(alike) == 1 else row.search}"
