"""The page "Can I trust its confidence?": calibration, abstention, prediction sets and alarms, before and after each shift."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from shiftproof._writing import write_atomic
from shiftproof.records.trust import TrustRecord
from shiftproof.records.trust_row import CalibrationSample, Conformal, Selective, TrustRow
from shiftproof.reports import vega as alt
from shiftproof.reports._html import render
from shiftproof.reports.figure import FULL, NAMES, ChartRow, Figure, make_figure, table_of
from shiftproof.reports.number_format import confidence, cost, p_value, percent, span
from shiftproof.reports.shift_words import in_shift_words

COLOURS = {"accuracy": "var(--run-1)", "mean confidence": "var(--run-2)"}


def trust_page(record: TrustRecord) -> str:
    """Every sample with what its confidence is worth, as one self-contained HTML file."""
    labelled = [row for row in record.rows if row.calibration]
    return render(
        "trust.html.j2",
        charts=trust_figures(record),
        record=record,
        labelled=labelled,
        clean=record.rows[0],
        name=row_name,
        sentences=sentences(record.calibration, record.rows, record.data.classes),
        colours=COLOURS,
        spent=cost(record.asked, record.sent),
        command=shlex.join(record.provenance.command),
    )


def trust_figures(record: TrustRecord) -> dict[str, Figure]:
    """Every chart of the page by its name on it; each hands out its numbers with `frame`."""
    return {"trust": trust_chart([row for row in record.rows if row.calibration])}


def write_trust(record: TrustRecord, folder: Path) -> Path:
    """Writes the page as `folder`/index.html; returns its path."""
    target = folder / "index.html"
    write_atomic(target, trust_page(record).encode())
    return target


def row_name(row: TrustRow) -> str:
    """What a row is called: its sample, and the shift that moved it, in words."""
    return row.sample if row.shift == "identity" else f"{row.sample}: {in_shift_words(row.shift)}"


def trust_chart(rows: list[TrustRow]) -> Figure:
    """Accuracy with its interval beside mean confidence, a line for each labelled sample."""
    points: list[ChartRow] = []
    for row in rows:
        low, high = row.interval or (None, None)
        values = {"accuracy": row.accuracy, "mean confidence": row.mean_confidence}
        for what, value in values.items():
            ends: ChartRow = {"low": low, "high": high} if what == "accuracy" else {"low": value, "high": value}
            points.append({"sample": row_name(row), "what": what, "value": value, "shown": percent(value), **ends})
    order = [row_name(row) for row in rows]
    y = alt.Y("sample:N", sort=order, title=None, axis=NAMES)

    def x(field: str, title: str | None = None) -> alt.X:
        return alt.X(field=field, type="quantitative", scale=FULL, title=title, axis=alt.Axis(format="%", tickCount=5))

    colour = alt.Color("what:N", scale=alt.Scale(domain=list(COLOURS), range=list(COLOURS.values())), legend=None)
    tooltip = [alt.Tooltip(field=field, type="nominal") for field in ("sample", "what", "shown")]
    base = alt.Chart(table_of(points)).encode(y=y, color=colour)
    ends_line = base.mark_rule(strokeWidth=2, opacity=0.5).encode(x=x("low"), x2="high:Q")
    marks = base.mark_point(filled=True, size=70, opacity=1).encode(
        x=x("value", "share"),
        tooltip=tooltip,
        shape=alt.Shape("what:N", scale=alt.Scale(domain=list(COLOURS), range=["circle", "diamond"]), legend=None),
    )
    return make_figure(
        alt.layer(ends_line, marks).properties(height=40 + 44 * len(rows)),
        "Accuracy and mean confidence of each sample, from 0 to 100%. The same numbers are in the table below.",
        tables={"share": points},
        columns={"sample": "sample", "what": "what", "value": "share", "low": "low", "high": "high"},
    )


def sentences(sample: CalibrationSample | None, rows: Sequence[TrustRow], classes: int) -> list[str]:
    """What the report comes to: one sentence about what is promised where nothing is, and one for each sample."""
    said: list[str] = []
    if sample is None:
        said.append("Nothing is promised, since there is no calibration sample: add --calibrate 0.5.")
    elif sample.reason:
        said.append(f"Nothing is promised: {sample.reason}.")
    for row in rows:
        parts = [part for part in (_calibrated(row), _kept(row), _covered(row, classes), _alarmed(row)) if part]
        said.append(f"{row_name(row)}: {'; '.join(parts)}.")
    return said


def _calibrated(row: TrustRow) -> str:
    found = row.calibration
    if found is None:
        return ""
    if found.interval[0] == 0:
        return f"no sign that its confidence is off (p {_p(found.p)}), by {percent(found.interval[1])} at most"
    word = "overconfident" if found.bias > 0 else "underconfident" if found.bias < 0 else "miscalibrated"
    return f"{word} by {percent(found.gap)} ({span(found.interval)}, p {_p(found.p)})"


def _p(value: float) -> str:
    shown = p_value(value)
    return shown if shown.startswith("below") else f"= {shown}"


def _kept(row: TrustRow) -> str:
    found: Selective | None = row.selective
    if found is None or found.verdict == "refused" or found.threshold is None:
        return ""
    word = {"holds": "holds", "broken": "is broken", "cannot be told": "cannot be told true or false"}[found.verdict]
    of = f"the {percent(found.coverage)} kept"
    here = f"{percent(found.risk)} are wrong of {of} ({span(found.interval)})" if found.coverage else "no answer is that confident"
    return f"the promise of at most {percent(found.target)} wrong at confidence {found.threshold:.4g} or more {word}: {here}"


def _covered(row: TrustRow, classes: int) -> str:
    found: Conformal | None = row.conformal
    if found is not None and found.mean_size == classes:
        return f"its {confidence(found.level)} prediction sets are all {classes} labels each, which narrows nothing down"
    if found is None or found.verdict != "broken":
        return ""
    mended = [each for each in found.corrections if each.verdict != "refused"]
    way = f"{mended[0].method} sets hold {percent(mended[0].coverage)}" if mended else "no correction mends it"
    return f"{confidence(found.level)} prediction sets hold {percent(found.coverage)} of the labels ({span(found.interval)}), {way}"


def _alarmed(row: TrustRow) -> str:
    found = row.ood
    if row.kind == "clean" or found.alarms is None:
        return ""
    if found.alarms_on_right is None or found.alarms_on_wrong is None:
        return f"the alarm goes off for {percent(found.alarms)} of its inputs"
    wrong, right = percent(found.alarms_on_wrong), percent(found.alarms_on_right)
    return f"the alarm goes off for {wrong} of wrong and {right} of right answers"
