"""A trust report as tables for the terminal."""

from __future__ import annotations

from rich.console import Group
from rich.table import Table

from shiftproof.records.trust import TrustRecord
from shiftproof.records.trust_row import TrustRow
from shiftproof.reports.number_format import confidence, cost, percent
from shiftproof.reports.terminal_fit import Sentence, text
from shiftproof.reports.trust import row_name, sentences


def terminal_trust(record: TrustRecord) -> Group:
    """One line a sample, then what it comes to in sentences; control characters in names do nothing."""
    level = confidence(record.provenance.confidence)
    table = Table(title=text(f"Can I trust the confidence of {record.model.name}?"), caption=text(f"{level} intervals are in the record"))
    table.add_column("sample", style="bold", overflow="fold")
    for head in ("accuracy", "confidence", "gap", "kept\n(wrong)", f"{level} sets\n(labels)", "alarms"):
        table.add_column(head, justify="right", no_wrap=True)
    for row in record.rows:
        table.add_row(*map(text, _cells(row)))
    return Group(
        table,
        *map(Sentence, sentences(record.calibration, record.rows, record.data.classes)),
        Sentence(f"Cost: {cost(record.asked, record.sent)}."),
    )


def _cells(row: TrustRow) -> list[str]:
    kept, sets = row.selective, row.conformal
    return [
        row_name(row),
        _share(row.accuracy),
        _share(row.mean_confidence),
        _share(None if row.calibration is None else row.calibration.gap),
        _NONE if kept is None or kept.coverage is None else f"{percent(kept.coverage)}\n({_share(kept.risk)})",
        _NONE if sets is None or sets.coverage is None else f"{percent(sets.coverage)}\n({sets.mean_size:.2f})",
        _share(row.ood.alarms),
    ]


def _share(value: float | None) -> str:
    return _NONE if value is None else percent(value)


_NONE = "–"
