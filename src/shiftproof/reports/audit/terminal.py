"""Audits and comparisons as tables for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

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
    points_span,
    printable,
    shown_number,
    span,
)

_STYLES: dict[ClaimKind, str] = {"at_least": "green", "estimate": "blue", "at_most": "red"}

_HEADS: dict[ClaimKind, str] = {"at_least": "Proven: at least", "at_most": "Attacked: at most", "estimate": "By chance: estimate"}


def terminal_table(audit: Audit) -> Table:
    """Every shift with what is proven, what an attack found and what chance does, each in a column of its own.

    Names are printed as they are: no markup in them is obeyed, and control characters are shown as a replacement character.
    """
    table = Table(title=_text(f"{audit.model.name} on {audit.data.uri}, n = {audit.data.n}"), caption=_text(_caption(audit)))
    table.add_column("Shift", no_wrap=True)  # a narrow terminal breaks the numbers from their intervals, not the specs
    for kind, head in _HEADS.items():
        table.add_column(head, justify="right", style=_STYLES[kind])
    table.add_row(
        "as collected", "", "", _text(_with_span(bracketed(audit.clean.accuracy, audit.clean.bracket), span(audit.clean.interval)))
    )
    for natural in audit.natural:
        table.add_row(
            _text(natural.source), "", "", _text(_with_span(bracketed(natural.accuracy, natural.bracket), span(natural.interval)))
        )
    for threat in digest.threats(audit):
        numbers = [_number(r, absent) for r, absent in ((threat.proven, "nothing proven"), (threat.attacked, "–"), (threat.average, "–"))]
        table.add_row(_text(threat.shift), *numbers)
    for curve in audit.proven:
        if curve.subject is not None:
            ends = (_of_cell(audit, curve.cell), _of_cell(audit, curve.attack.cell if curve.attack else None))
            shift = next((cell.shift for cell in audit.cells if cell.key == curve.cell), curve.family)
            table.add_row(_text(f"{shift}, smoothed"), _number(ends[0], "nothing proven"), _number(ends[1], "–"), "")
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
    tables = [_kind_table(comparison, kind) for kind in KINDS]
    legend = [Text(f"{place}  {printable(name)}") for place, name in enumerate(comparison.names, 1)]
    only = [Text(printable(f"Only run {place} has: {'; '.join(cells)}")) for place, cells in enumerate(comparison.alone, 1) if cells]
    return Group(*legend, *(table for table in tables if table is not None), *only, *note)


def _kind_table(comparison: Comparison, kind: ClaimKind) -> Table | None:
    rows = [row for row in comparison.rows if is_plain(row) and any(r is not None and r.kind == kind for r in row.results)]
    if not rows:
        return None
    table = Table(title=KIND_HEADS[kind], title_justify="left", title_style=_STYLES[kind])
    table.add_column("Number")
    for place in range(1, len(comparison.names) + 1):
        table.add_column(str(place), justify="right", style=_STYLES[kind])
        if place > 1:
            table.add_column(f"{place} − 1", justify="right")
    for row in rows:
        table.add_row(_text(row_name(row)), *_entries(row, kind))
    return table


def _entries(row: ComparisonRow, kind: ClaimKind) -> list[Text]:
    found: list[Text] = []
    results = [r if r is not None and r.kind == kind else None for r in row.results]
    for place, result in enumerate(results):
        found.append(_number(result, "–"))
        if place:
            pair = row.paired[place]
            if pair is not None:
                found.append(Text(f"{points(pair.difference)} ({points_span(pair.interval)}), p {p_value(pair.p_value)}"))
            else:
                plain = difference(results[0], result)
                found.append(Text("" if plain is None else f"{points(plain)}, not tested"))
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
    return row.shift + ("" if row.search == "one_draw" else f", {row.search}")


def _number(result: Result | None, absent: str) -> Text:
    if result is None:
        return Text(absent, style="dim")
    shown = _with_span(KIND_SIGNS[result.kind] + shown_number(result), amount_span(result.interval, result.measure))
    return _text(shown + (" ⚑" if result.flags else ""))


def _with_span(value: str, interval: str) -> str:
    return value if interval == "no interval" else f"{value} ({interval})"


def _caption(audit: Audit) -> str:
    said: Sequence[str] = [f"{confidence(audit.provenance.confidence)} intervals, sampling error only"]
    unfinished = len(digest.unfinished(audit))
    if unfinished or not audit.complete:
        said = [*said, f"INCOMPLETE: {unfinished} of {len(audit.cells)} cells unfinished"]
    flags = digest.flag_counts(audit)
    return "; ".join([*said, *([f"⚑ {', '.join(flags)}"] if flags else [])])


def _text(value: str) -> Text:
    """Text that is printed, never obeyed."""
    return Text(printable(value))
