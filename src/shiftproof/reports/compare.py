"""The page of several runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shiftproof.records.audit import Kind, Paired, Result
from shiftproof.reports import charts
from shiftproof.reports._html import render
from shiftproof.reports.audit.terminal import difference, is_plain
from shiftproof.reports.number_format import KINDS
from shiftproof.runs.store import write_atomic

if TYPE_CHECKING:
    from shiftproof.evaluation.compare import Comparison, Row


@dataclass(frozen=True)
class Entry:
    """One run's number in a row, with its difference from the first run's."""

    result: Result | None
    difference: float | None
    paired: Paired | None


@dataclass(frozen=True)
class Line:
    """One row of a table: what it is, and each run's entry."""

    row: Row
    entries: list[Entry]


@dataclass(frozen=True)
class Part:
    """All rows of one kind of claim, accuracies over everyone apart from the rest."""

    kind: Kind
    main: list[Line]
    others: list[Line]


def compare(comparison: Comparison) -> str:
    """Runs side by side as one self-contained HTML file.

    The same numbers stand in rows, one table for each kind of claim, so that estimates and bounds never meet. Differences are from the
    first run; where examples pair, they are over the pairs, with their interval and McNemar's exact test.
    """
    parts = [part for kind in KINDS if (part := _part(comparison.rows, kind)).main or part.others]
    shown: dict[str, charts.Spec] = {}
    for part in parts:
        if spec := charts.runs_chart(comparison.names, [line.row for line in part.main], part.kind):
            shown[part.kind] = spec
    return render(
        "compare.html.j2",
        charts={kind: charts.named(spec, comparison.audits[0].judge.word) for kind, spec in shown.items()},
        names=comparison.names,
        word=comparison.audits[0].judge.word,
        audits=comparison.audits,
        parts=parts,
        same_data=len({audit.data.fingerprint for audit in comparison.audits}) == 1,
        tested=any(pair is not None for row in comparison.rows for pair in row.paired),
    )


def write_comparison(comparison: Comparison, out: Path) -> Path:
    """Writes the page to `out`, or to `out`/comparison.html where that is a folder; returns the page's path."""
    target = out / "comparison.html" if out.is_dir() else out
    target.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(target, compare(comparison).encode())
    return target


def _part(rows: Sequence[Row], kind: Kind) -> Part:
    lines = [_line(row, kind) for row in rows if any(r is not None and r.kind == kind for r in row.results)]
    return Part(kind, [line for line in lines if is_plain(line.row)], [line for line in lines if not is_plain(line.row)])


def _line(row: Row, kind: Kind) -> Line:
    results = [r if r is not None and r.kind == kind else None for r in row.results]
    entries = [Entry(result, difference(results[0], result), pair) for result, pair in zip(results, row.paired, strict=True)]
    return Line(row, entries)
