"""The page and the terminal table of studies: which published claims held here."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from pathlib import Path

from rich.console import Group
from rich.table import Table
from rich.text import Text

from shiftproof._writing import write_atomic
from shiftproof.records.study import PredictionRecord, StudyRecord, TrialRecord, Unit
from shiftproof.reports import vega as alt
from shiftproof.reports._html import render
from shiftproof.reports.figure import ChartRow, Figure, make_figure, table_of
from shiftproof.reports.number_format import percent, points, points_span, printable, span

_PAD = 0.08
_STYLES = {"reproduced": "green", "not reproduced": "red", "inconclusive": "yellow"}
PILLS = {"reproduced": "good", "not reproduced": "bad", "inconclusive": ""}


def figure(value: float | None, unit: Unit) -> str:
    """A figure in its unit.

    >>> figure(0.497, "share"), figure(-0.031, "points"), figure(0.94, "number")
    ('49.7%', '−3.1 points', '0.94')
    """
    if value is None:
        return "–"
    return percent(value) if unit == "share" else points(value) if unit == "points" else f"{value:.4g}".replace("-", "−")


def ends(interval: tuple[float, float], unit: Unit) -> str:
    """An interval in its unit.

    >>> ends((0.0, 0.3), "share"), ends((1.5, 2.5), "number")
    ('0.0 to 30.0%', '1.5 to 2.5')
    """
    if unit == "share":
        return span(interval)
    return points_span(interval) if unit == "points" else " to ".join(figure(end, unit) for end in interval)


def expected(said: PredictionRecord) -> str:
    """Where the quantity lies if the claim is true."""
    if said.high is None:
        return f"at least {figure(said.low, said.unit)}"
    if said.low is None:
        return f"at most {figure(said.high, said.unit)}"
    return f"{figure(said.low, said.unit)} to {figure(said.high, said.unit)}"


def prediction_chart(said: PredictionRecord) -> Figure:
    """The measured interval over the range that the claim predicts, and the paper's figure."""
    low, high = said.interval
    least, most = (0.0, 1.0) if said.unit == "share" else (-math.inf, math.inf)
    marks = [low, high, *(end for end in (said.low, said.high, said.paper) if end is not None)]
    pad = _PAD * (max(marks) - min(marks) or abs(max(marks)) or 1.0)
    lowest, highest = max(min(marks) - pad, least), min(max(marks) + pad, most)
    style = alt.Axis(format="%" if said.unit == "share" else "+%" if said.unit == "points" else "~g", tickCount=6)
    x = alt.X("low:Q", title=None, scale=alt.Scale(domain=[lowest, highest], nice=False, zero=False), axis=style)
    region: ChartRow = {"low": lowest if said.low is None else said.low, "high": highest if said.high is None else said.high}
    shown = {"shown": figure(said.value, said.unit), "span": ends(said.interval, said.unit)}
    tooltip = [alt.Tooltip(field="shown", type="nominal", title="measured"), alt.Tooltip(field="span", type="nominal", title="interval")]
    measured: list[ChartRow] = [{"low": low, "high": high, "value": said.value, **shown}]
    published: list[ChartRow] = [] if said.paper is None else [{"low": said.paper, "shown": figure(said.paper, said.unit)}]
    found = alt.Chart(table_of(measured))
    layers = [
        alt.Chart(table_of([region])).mark_rect(color="var(--at-least)", opacity=0.13).encode(x=x, x2="high:Q"),
        found.mark_rule(strokeWidth=2.5, color="var(--ink)").encode(x=x, x2="high:Q"),
        found.mark_point(filled=True, size=80, opacity=1, color="var(--ink)").encode(
            x=alt.X("value:Q", title=None, axis=style), tooltip=tooltip
        ),
    ]
    if published:
        paper = alt.Chart(table_of(published))
        layers.append(
            paper.mark_point(shape="diamond", size=90, strokeWidth=2, opacity=1, color="var(--estimate)").encode(
                x=x, tooltip=[alt.Tooltip(field="shown", type="nominal", title="the paper's")]
            )
        )
    what = f"{said.says}: measured {shown['shown']}, {shown['span']}; the claim predicts {expected(said)}."
    return make_figure(
        alt.layer(*layers).properties(height=44),
        what,
        tables={"predicted": [region], "measured": measured, "published": published},
        columns={"value": "value", "low": "low", "high": "high"},
    )


def sentence(words: str) -> str:
    """Words with a large first letter, the rest as it is.

    >>> sentence("one of MNIST")
    'One of MNIST'
    """
    return words[:1].upper() + words[1:]


def cpu_seconds(record: StudyRecord) -> float:
    """CPU seconds of all trials."""
    return math.fsum(trial.cpu_seconds for trial in record.trials)


def decisive(record: StudyRecord) -> str:
    """What decides the verdict, in words: the predictions that have it themselves, or all where all do."""
    if record.verdict == "reproduced":
        return "every interval lies in its range"
    return "; ".join(
        f"{said.quantity}: {figure(said.value, said.unit)} ({ends(said.interval, said.unit)}), predicted {expected(said)}"
        for said in record.predictions
        if said.verdict == record.verdict
    )


def codes(record: StudyRecord) -> list[str]:
    """The code that the seeds were measured with, in words, once each."""
    return list(dict.fromkeys(map(_code, record.trials)))


def _code(trial: TrialRecord) -> str:
    if trial.code is None:
        return "The code that measured the seeds was not recorded with them"
    at = f" at commit {trial.commit[:10]}" if trial.commit else ", in no repository"
    return f"Measured with code {trial.code}{at}{' with uncommitted changes' if trial.dirty else ''}"


def title(record: StudyRecord) -> str:
    """The study's name as people read it."""
    return record.study.partition("(")[0].replace("_", " ")


def studies_figures(records: Sequence[StudyRecord]) -> dict[str, Figure]:
    """Every chart of the page by its name on it; each hands out its numbers with `frame`."""
    return {
        f"{record.study}-{record.form}-{place}": prediction_chart(said)
        for record in records
        for place, said in enumerate(record.predictions)
    }


def studies_page(records: Sequence[StudyRecord]) -> str:
    """Every study on one self-contained page."""
    counts = {verdict: sum(record.verdict == verdict for record in records) for verdict in PILLS}
    return render(
        "studies.html.j2",
        charts=studies_figures(records),
        records=records,
        counts=counts,
        pills=PILLS,
        title=title,
        sentence=sentence,
        codes=codes,
        cpu_seconds=cpu_seconds,
        commands=[shlex.join(record.provenance.command) for record in records],
        decisive=decisive,
        number=figure,
        ends=ends,
        expected=expected,
    )


def write_studies(records: Sequence[StudyRecord], out: Path) -> Path:
    """Writes index.html into the folder `out`; returns the page's path."""
    out.mkdir(parents=True, exist_ok=True)
    write_atomic(out / "index.html", studies_page(records).encode())
    return out / "index.html"


def terminal_studies(records: Sequence[StudyRecord]) -> Group:
    """A table of all predictions, for the terminal."""
    table = Table()
    for head in ("study", "verdict", "the claim predicts", "measured", "the paper's"):
        table.add_column(head)
    for record in records:
        name = Text(printable(f"{record.study} ({record.form})"))
        for said in record.predictions:
            measured = f"{figure(said.value, said.unit)} ({ends(said.interval, said.unit)})"
            verdict = Text(said.verdict, style=_STYLES[said.verdict])
            table.add_row(name, verdict, Text(printable(f"{said.says}: {expected(said)}")), measured, figure(said.paper, said.unit))
            name = Text("")
        table.add_section()
    lines = [Text(printable(f"{record.study} ({record.form}): {record.marked}"), style=_STYLES[record.verdict]) for record in records]
    return Group(table, *lines)
