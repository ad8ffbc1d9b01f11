"""The terminal's tables at 80 columns and at 120: nothing is wider, no name is cut, and no interval is broken."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest
from rich.console import Console, RenderableType

from every_page import a_stress_curve, comparison, defend_record, severity_curves
from sample_audit import sample_audit
from shiftproof.leaderboard.board import make_leaderboard
from shiftproof.leaderboard.measured import entries_of
from shiftproof.records.comparison import Comparison, ComparisonRow
from shiftproof.reports.audit import digest
from shiftproof.reports.audit.terminal import terminal_comparison, terminal_table
from shiftproof.reports.defend import summary
from shiftproof.reports.leaderboard import terminal_leaderboard
from shiftproof.reports.number_format import percent, span
from shiftproof.reports.stress import terminal_stress
from shiftproof.reports.terminal_fit import FirstThatFits, Sentence, wrapped
from shiftproof.reports.terminal_severity import terminal_severity
from small_entries import measured

LONG = "within_quantiles(share=0.025, columns='a-rather-long-name-of-a-column', rules='other=immutable')"


def three_runs() -> Comparison:
    two = comparison()
    rows = [ComparisonRow(r.shift, r.search, r.risk, r.measure, r.group, r.results * 3, (None, *r.paired[1:] * 5)) for r in two.rows]
    rows = [ComparisonRow(r.shift, r.search, r.risk, r.measure, r.group, r.results[:3], r.paired[:3]) for r in rows]
    rows[0] = ComparisonRow(LONG, *(rows[1].search, "mean", rows[1].measure, None), rows[1].results, rows[1].paired)
    return Comparison(("runs/a", "runs/b", "runs/c"), two.audits * 3, tuple(rows))


def long_audit() -> RenderableType:
    audit = sample_audit()
    return terminal_table(audit.model_copy(update={"results": [*audit.results, audit.results[0].model_copy(update={"shift": LONG})]}))


def board() -> RenderableType:
    audit = sample_audit()
    models = [audit.model.model_copy(update={"name": f"street-net-{size}", "fingerprint": size}) for size in ("small", "large", "huge")]
    entries = [entry for model in models for entry in entries_of(audit.model_copy(update={"model": model}), source=f"runs/{model.name}")]
    return terminal_leaderboard(make_leaderboard([*entries, measured("alone", [1, 0, 1, 1], fingerprint="other")]))


TABLES: dict[str, Callable[[], RenderableType]] = {
    "audit": long_audit,
    "compare": lambda: terminal_comparison(three_runs()),
    "leaderboard": board,
    "stress": lambda: terminal_stress(a_stress_curve()),
    "severity": lambda: terminal_severity(severity_curves()),
}
BRACKET = re.compile(r"\(\S+ to [^)\s]+( points)?\)")


def printed(what: RenderableType, width: int) -> list[str]:
    kept = io.StringIO()
    Console(file=kept, width=width).print(what)
    return kept.getvalue().splitlines()


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("width", [80, 120])
def test_no_interval_is_cut(name: str, width: int) -> None:
    lines = printed(TABLES[name](), width)
    assert max(map(len, lines)) <= width
    assert not [line for line in lines if "…" in line]
    assert sum(len(BRACKET.findall(line)) for line in lines) > 5
    assert not [line for line in lines if " to " in re.sub(r"\([^()]*\)", "", line) and "%" in re.sub(r"\([^()]*\)", "", line)]
    numbers = [cell for line in lines for cell in line.split("│")[2:]]
    assert all(cell.count("(") == cell.count(")") for cell in numbers)
    assert not [line for line in lines if re.search(r"\([−+]?\d[\d.]*( to)?\s*│", line)]


def test_every_model_has_every_threat_in_the_matrix() -> None:
    lines = printed(board(), 80)
    numbers = [threat.attacked for threat in digest.threats(sample_audit()) if threat.attacked]
    assert len(numbers) > 3
    for result in numbers:
        assert sum(line.count(f"({span(result.interval)})") for line in lines) >= 3, result.shift
    assert [line for line in lines if line.startswith("3  street-net-")]


def test_names_that_leave_no_room_have_a_line_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    record = defend_record()
    named = record.model_copy(update={"rows": [row.model_copy(update={"name": f"{row.name} of a long name"}) for row in record.rows]})
    rows = [line for line in summary(named).splitlines() if percent(record.rows[0].clean.value) in line and ":" not in line]
    assert rows
    assert max(map(len, rows)) <= 80
    monkeypatch.setenv("COLUMNS", "200")
    assert any(line.startswith("standard of a long name ") for line in summary(named).splitlines())


def test_sentences_break_between_words_and_never_inside_an_interval() -> None:
    said = "Without an attack, accuracy is lowest on rotation(degrees=30): 77.2% (73.3 to 80.8%), measurably below clean accuracy."
    for width in range(24, 90):
        assert "(73.3 to 80.8%)" in "\n".join(printed(Sentence(said), width))
        assert "(73.3 to 80.8%)" in wrapped([said], width=width)
        assert " ".join(wrapped([said], width=width).split()) == said
    assert wrapped(["  indented words here"], width=14) == "  indented\n    words here"


def test_the_first_layout_that_fits_is_printed() -> None:
    either = FirstThatFits(lambda: Sentence("a long line"), lambda: "short")
    assert printed(FirstThatFits(lambda: "a long line", lambda: "short"), 20) == ["a long line"]
    assert printed(FirstThatFits(lambda: "a long line", lambda: "short"), 8) == ["short"]
    assert printed(either, 20)
