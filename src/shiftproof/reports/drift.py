"""The page and the terminal table of a drift: what moved, and what that has to do with accuracy."""

from __future__ import annotations

from pathlib import Path

from rich.console import Group
from rich.table import Table

from shiftproof._writing import write_atomic
from shiftproof.records.drift import DriftedColumn, DriftRecord
from shiftproof.reports._html import render
from shiftproof.reports.number_format import confidence, p_value, percent, plural, points, points_span, span
from shiftproof.reports.terminal_fit import Sentence, text

_SHOWN = 12
"""Columns that the terminal shows."""


def headline(drift: DriftRecord) -> str:
    """What moved and what it did to accuracy, in two sentences."""
    moved = [column.name for column in drift.columns if column.moved]
    low, high = drift.change_interval
    sure = "" if low > 0 or high < 0 else ", which may be chance"
    fell = "falls" if drift.change < 0 else "rises" if drift.change > 0 else "stays"
    ends = f"{percent(drift.accuracy[0])} to {percent(drift.accuracy[1])}"
    how = f"Accuracy {fell} from {ends} ({points(drift.change)}, {points_span(drift.change_interval)}{sure})."
    if not moved:
        return f"{how} No column is known to have moved."
    named = f"{', '.join(moved[:5])}{f' and {len(moved) - 5} more' if len(moved) > 5 else ''}"
    counted = f"{len(moved)} of {plural(len(drift.columns), 'column')} moved: {named}"
    return f"{how} {counted} ({confidence(drift.confidence)} confidence that none of these is chance)."


def explained(drift: DriftRecord) -> str:
    """How much of the change goes along with the mix of columns, in a sentence."""
    total = drift.change - drift.rest
    return (
        f"The changed mix of the columns goes along with {points(total)} of {points(drift.change)}; {points(drift.rest)} "
        f"({points_span(drift.rest_interval)}) it does not explain: there the labels depend on the columns in another way, or on something "
        "that is no column."
    )


def size_of(column: DriftedColumn) -> str:
    """How far a column moved, in words."""
    if column.kind == "categories":
        return column.example
    return "spread only" if column.shift is None or round(column.shift, 2) == 0 else f"median {column.shift:+.2f} sd".replace("-", "−")


def drift_page(drift: DriftRecord) -> str:
    """A drift as one self-contained HTML file."""
    return render("drift.html.j2", charts={}, drift=drift, headline=headline(drift), explained=explained(drift), size_of=size_of)


def write_drift(drift: DriftRecord, folder: Path) -> Path:
    """Writes the page to `folder`/index.html; returns its path."""
    target = folder / "index.html"
    write_atomic(target, drift_page(drift).encode())
    return target


def terminal_drift(drift: DriftRecord) -> Group:
    """The sentences and both tables, for the terminal; control characters in names do nothing."""
    more = len(drift.columns) - _SHOWN
    columns = Table(title="What moved", caption=f"{plural(more, 'more column')} on the page" if more > 0 else None)
    for head in ("column", "how far"):
        columns.add_column(head, overflow="fold")
    for head in ("distance", "p"):
        columns.add_column(head, justify="right", no_wrap=True)
    for column in drift.columns[:_SHOWN]:
        star = "* " if column.moved else "  "
        far = "–" if column.distance is None else f"{column.distance:.3f}"
        columns.add_row(text(star + column.name), text(size_of(column)), far, p_value(column.p_value))
    shares = Table(
        title="The change in accuracy", caption="Shapley shares of a reweighting: what goes along with a column, not what causes it"
    )
    shares.add_column("column", overflow="fold")
    for head in ("share", "interval"):
        shares.add_column(head, justify="right", no_wrap=True)
    for share in drift.shares:
        shares.add_row(text(share.name), points(share.share), points_span(share.interval))
    shares.add_row("not explained", points(drift.rest), points_span(drift.rest_interval))
    ends = [f"{percent(a)} ({span(i)}, n = {n})" for a, i, n in zip(drift.accuracy, drift.intervals, drift.n, strict=True)]
    said = [headline(drift), f"Accuracy: {ends[0]}, then {ends[1]}."]
    notes = [Sentence(f"Note: {note}") for note in drift.notes]
    return Group(*map(Sentence, said), columns, shares, Sentence(explained(drift)), *notes)
