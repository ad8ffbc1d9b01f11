"""The page of a comparison of defences."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

from shiftproof._writing import write_atomic
from shiftproof.records.defend import DEFAULT_SEARCH, DefenceRow, DefendRecord, MeasuredShare, Training
from shiftproof.reports import vega as alt
from shiftproof.reports._html import render
from shiftproof.reports.figure import FULL, ChartRow, Figure, make_figure, table_of
from shiftproof.reports.number_format import cost, percent, points, points_span, printable


def training_lines(*, at_most: bool = True) -> dict[str, str]:
    """The curves of a training, each with its colour; `at_most` where a worst-case search was used, else chance draws were."""
    claim = "at most" if at_most else "estimate"
    return {
        "in training, as trained": "var(--muted)",
        "held out": "var(--estimate)",
        f"held out, attacked: {claim}": "var(--at-most)",
        f"held out, unseen threat: {claim}": "var(--bracket)",
    }


LINES = training_lines()
_NUMBERS = 72
"""Columns of the terminal that a row's numbers take."""


def defend_page(record: DefendRecord) -> str:
    """Every defence with what it is worth, what it costs and what is claimed of its family, as one self-contained HTML file."""
    return render(
        "defend.html.j2",
        charts=defend_figures(record),
        trained=[row for row in record.rows if row.training],
        lines=LINES,
        record=record,
        standard=record.rows[0],
        others=record.rows[1:],
        sentences=sentences(record),
        collapsed=[row.name for row in record.rows if row.collapses],
        corruptions=list(record.rows[0].corruptions),
        detectors=[row for row in record.rows if row.detector],
        default_search=DEFAULT_SEARCH,
        command=shlex.join(record.provenance.command),
    )


def defend_figures(record: DefendRecord) -> dict[str, Figure]:
    """Every chart of the page by its name on it; each hands out its numbers with `frame`."""
    trained = [(row.name, row.training) for row in record.rows if row.training]
    return {f"training{place}": training_chart(name, training) for place, (name, training) in enumerate(trained)}


def training_chart(name: str, training: Training, lines: Mapping[str, str] = LINES) -> Figure:
    """Accuracy by epoch: on what was trained on, held out, and held out under attack, the threat trained on and the unseen one."""
    points: list[ChartRow] = [
        {"epoch": point.epoch, "line": line, "value": value, "shown": percent(value)}
        for point in training.curve
        for line, value in zip(lines, (point.train, point.held_out, point.robust, point.unseen), strict=True)
        if value is not None
    ]
    colour = alt.Scale(domain=list(lines), range=list(lines.values()))
    fields = ("epoch", "epoch"), ("line", "accuracy"), ("shown", "value")
    base = alt.Chart(table_of(points)).encode(
        x=alt.X("epoch:Q", title="epoch", axis=alt.Axis(grid=False, tickMinStep=1, format="d")),
        y=alt.Y("value:Q", title=None, scale=FULL, axis=alt.Axis(format="%", tickCount=5)),
        color=alt.Color("line:N", scale=colour, legend=None),
        tooltip=[alt.Tooltip(field=field, type="nominal", title=title) for field, title in fields],
    )
    layers = alt.layer(base.mark_line(strokeWidth=1.8), base.mark_point(filled=True, size=24, opacity=1)).properties(height=150)
    return make_figure(
        layers,
        f"Accuracy by epoch of {name}: {', '.join(lines)}. That of the epoch that is kept is in the table below.",
        tables={"curve": points},
        columns={"line": "name", "epoch": "epoch", "value": "accuracy"},
    )


def write_defend(record: DefendRecord, folder: Path) -> Path:
    """Writes the page as `folder`/index.html; returns its path."""
    target = folder / "index.html"
    write_atomic(target, defend_page(record).encode())
    return target


def sentences(record: DefendRecord) -> list[str]:
    """The result of the comparison: the strongest defence, and each that masks its gradient."""
    found: list[str] = []
    gaining = [row for row in record.rows[1:] if row.gain.interval and row.gain.interval[0] > 0]
    if gaining:
        best = max(gaining, key=lambda row: row.gain.value or 0.0)
        also = f" {len(gaining)} of {len(record.rows) - 1} gain measurably." if len(record.rows) > 2 else ""
        found.append(f"{best.name} gains most: {_gain(best.gain)} of robust accuracy over the standard model.{also}")
    else:
        found.append("No defence gains measurably under the adaptive attack.")
    found += [masked(row) for row in record.rows[1:] if row.collapses]
    found += [f"In training, {row.name} had {flag}" for row in record.rows if row.training for flag in row.training.flags]
    return found


def masked(row: DefenceRow) -> str:
    """What is said of a defence that only hides its gradient."""
    loss = row.gain.interval is not None and row.gain.interval[1] < 0
    what = "is a loss" if loss else "is not distinguishable from zero"
    return (
        f"{row.name} collapses under the adaptive attack: from {percent(row.plain.value)} under the plain gradient attack to "
        f"{percent(row.robust.value)} under all attacks, a gain of {_gain(row.gain)}, which {what}."
    )


def _gain(share: MeasuredShare) -> str:
    return f"{points(share.value)} ({points_span(share.interval)})"


def summary(record: DefendRecord) -> str:
    """The table and its sentences as plain text; where names leave no room for the numbers, each has a line of its own."""
    names = [printable(row.name) for row in record.rows]
    width = max(len("defence"), *map(len, names))
    if width + _NUMBERS > shutil.get_terminal_size().columns:
        width = 0
    plain = ("plain",) if record.rows[0].plain.value is not None else ()  # texts have none
    heads = ("clean", "transfer", *plain, "adaptive", "robust", "gain")
    what = printable(f"On {record.threat} by {record.search}, n = {record.n}; all but clean are at most")
    lines = [what, _line("defence", heads, width)]
    for name, row in zip(names, record.rows, strict=True):
        values = [percent(share.value) for share in (row.clean, row.transfer, *([row.plain] if plain else []), row.adaptive, row.robust)]
        lines.append(_line(name, (*values, points(row.gain.value).removesuffix(" points")), width))
    lines += ["", _line("cost", ("parameters", "operations", "latency", "training"), width)]
    for name, row in zip(names, record.rows, strict=True):
        times = [_times(each) for each in (row.forward_cost, row.latency, row.training_cost)]
        lines.append(_line(name, (f"{row.parameters:,}", *times), width))
    return "\n".join([*lines, "", *(printable(line) for line in sentences(record)), f"Cost: {cost(record.asked, record.sent)}."])


def _times(ratio: float | None) -> str:
    """So many times the standard model's."""
    return "–" if ratio is None else f"x{ratio:.1f}"


def _line(name: str, values: tuple[str, ...], width: int) -> str:
    numbers = "".join(value.rjust(12) for value in values)
    return name.ljust(width) + numbers if width else f"{name}\n{numbers}"
