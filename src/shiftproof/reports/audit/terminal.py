"""Audits and comparisons as tables for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from rich.console import Group
from rich.table import Table
from rich.text import Text

from shiftproof.records.audit import Audit, ClaimKind, Result
from shiftproof.records.comparison import Comparison, ComparisonRow
from shiftproof.reports.audit import digest
from shiftproof.reports.number_format import (
    KIND_HEADS,
    KIND_SIGNS,
    KINDS,
    amount_span,
    bracketed,
    confidence,
    is_mean_score,
    known,
    p_value,
    plural,
    points,
    points_ends,
    printable,
    shown_number,
    span,
)
from shiftproof.reports.shift_words import spelled
from shiftproof.reports.terminal_fit import FirstThatFits, text

_STYLES: dict[ClaimKind, str] = {"at_least": "green", "estimate": "blue", "at_most": "red"}

_HEADS: dict[ClaimKind, str] = {"at_least": "Proven: at least", "at_most": "Attacked: at most", "estimate": "By chance: estimate"}


def terminal_table(audit: Audit) -> FirstThatFits:
    """Every shift with what is proven, what an attack found and what chance does, each in a column of its own.

    Names are printed as they are: no markup in them is obeyed, and control characters are shown as a replacement character. On a narrow
    terminal each interval has a line of its own.
    """
    return FirstThatFits(partial(_table, audit, " "), partial(_table, audit, "\n"))


def _table(audit: Audit, joint: str) -> Table:
    table = Table(title=text(f"{audit.model.name} on {audit.data.uri}, n = {audit.data.n}"), caption=text(_caption(audit)))
    table.add_column("Shift", overflow="fold")
    for kind, head in _HEADS.items():
        table.add_column(head.replace(" ", joint, 1), justify="right", style=_STYLES[kind], no_wrap=True)
    clean = _with_span(bracketed(audit.clean.accuracy, audit.clean.bracket), span(audit.clean.interval), joint)
    table.add_row("as collected", "", "", text(clean))
    for natural in audit.natural:
        shown = _with_span(bracketed(natural.accuracy, natural.bracket), span(natural.interval), joint)
        table.add_row(text(natural.source), "", "", text(shown))
    for threat in digest.threats(audit):
        proven = threat.proven if threat.proven and threat.proven.value else None
        ends = ((proven, "proven for none" if threat.proven else "nothing proven"), (threat.attacked, "–"), (threat.average, "–"))
        table.add_row(text(spelled(threat.shift)), *(_number(result, absent, joint) for result, absent in ends))
    for curve in audit.proven:
        if curve.subject is not None:
            low, high = _of_cell(audit, curve.cell), _of_cell(audit, curve.attack.cell if curve.attack else None)
            shift = next((cell.shift for cell in audit.cells if cell.key == curve.cell), curve.family)
            table.add_row(text(f"{shift}, smoothed"), _number(low, "nothing proven", joint), _number(high, "–", joint), "")
    return table


def _of_cell(audit: Audit, cell: str | None) -> Result | None:
    """The accuracy over everyone of one cell."""
    return next((r for r in audit.results if r.cell == cell and r.risk == "mean" and r.group is None and r.measure != "drop"), None)


def terminal_comparison(comparison: Comparison) -> Group:
    """Runs side by side, accuracies over everyone in one table a kind of claim; the page has the others.

    Differences are from the first run, tested where the examples pair.
    """
    more = sum(not is_plain(row) for row in comparison.rows)
    note = [Text(f"{plural(more, 'more number')} (groups, tails, drops) on the page: add --out FOLDER")] if more else []
    tables = [_kind_tables(comparison, kind) for kind in KINDS]
    legend = [Text(f"{place}  {printable(name)}") for place, name in enumerate(comparison.names, 1)]
    only = [Text(printable(f"Only run {place} has: {'; '.join(cells)}")) for place, cells in enumerate(comparison.alone, 1) if cells]
    return Group(*legend, *(table for table in tables if table is not None), *only, *note)


def _kind_tables(comparison: Comparison, kind: ClaimKind) -> FirstThatFits | None:
    """All runs in one table; where the terminal is too narrow, a table for each further run beside the first."""
    rows = [row for row in comparison.rows if is_plain(row) and any(r is not None and r.kind == kind for r in row.results)]
    if not rows:
        return None
    further = range(1, len(comparison.names))
    return FirstThatFits(
        partial(_kind_table, rows, kind, further, " "),
        partial(_kind_table, rows, kind, further, "\n"),
        lambda: Group(*(_kind_table(rows, kind, [place], "\n") for place in further)),
    )


def _kind_table(rows: Sequence[ComparisonRow], kind: ClaimKind, further: Sequence[int], joint: str) -> Table:
    table = Table(title=KIND_HEADS[kind], title_justify="left", title_style=_STYLES[kind])
    table.add_column("Number", overflow="fold")
    for place in (0, *further):
        table.add_column(str(place + 1), justify="right", style=_STYLES[kind], no_wrap=True)
        if place:
            table.add_column(f"{place + 1} − 1", justify="right", no_wrap=True)
    for row in rows:
        table.add_row(text(row_name(row)), *_entries(row, kind, further, joint))
    return table


def _entries(row: ComparisonRow, kind: ClaimKind, further: Sequence[int], joint: str) -> list[Text]:
    results = [r if r is not None and r.kind == kind else None for r in row.results]
    found = [_number(results[0], "–", joint)]
    for place in further:
        pair, plain = row.paired[place], difference(results[0], results[place])
        told = "" if plain is None else f"{points(plain)},{joint}not tested"
        if pair is not None:
            told = f"{points(pair.difference)}{joint}({points_ends(pair.interval)}),{joint}p {p_value(pair.p_value)}"
        found += [_number(results[place], "–", joint), text(told)]
    return found


def difference(first: Result | None, second: Result | None) -> float | None:
    """The second number minus the first; None unless both were measured and claim the same."""
    if first is None or second is None or first.kind != second.kind:
        return None
    before, after = known(first.value), known(second.value)
    return None if before is None or after is None else after - before


def is_plain(row: ComparisonRow) -> bool:
    """Whether it is an accuracy over everyone, and so belongs on top."""
    return row.risk == "mean" and row.group is None and is_mean_score(row.measure)


def row_name(row: ComparisonRow) -> str:
    """What a row of a comparison is, in a line; `one_draw` goes without saying."""
    shift = "as collected" if row.shift == "identity" else spelled(row.shift)
    return shift + ("" if row.search == "one_draw" else f", {row.search}")


def _number(result: Result | None, absent: str, joint: str) -> Text:
    if result is None:
        return Text(absent, style="dim")
    shown = _with_span(KIND_SIGNS[result.kind] + shown_number(result), amount_span(result.interval, result.measure), joint)
    return text(shown + (" ⚑" if result.flags else ""))


def _with_span(value: str, interval: str, joint: str) -> str:
    return value if interval == "no interval" else f"{value}{joint}({interval})"


def _caption(audit: Audit) -> str:
    said: Sequence[str] = [f"{confidence(audit.provenance.confidence)} intervals, sampling error only"]
    unfinished = len(digest.unfinished(audit))
    if unfinished or not audit.complete:
        said = [*said, f"INCOMPLETE: {unfinished} of {len(audit.cells)} cells unfinished"]
    flags = digest.flag_counts(audit)
    return "; ".join([*said, *([f"⚑ {', '.join(flags)}"] if flags else [])])
