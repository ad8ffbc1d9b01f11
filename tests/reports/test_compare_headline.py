"""The first line of a comparison: on how many tested numbers a run is better or worse, and where most."""

from __future__ import annotations

from sample_audit import sample_audit
from shiftproof.outcomes import Interval
from shiftproof.records.audit import Result
from shiftproof.records.comparison import Comparison, ComparisonRow
from shiftproof.reports.compare import compare, headline
from shiftproof.risks.paired import PairedComparison


def paired(difference: float, p_value: float) -> PairedComparison:
    only = round(abs(difference) * 100)
    first, second = (only, 0) if difference < 0 else (0, only)
    interval = Interval(difference - 0.1, difference + 0.1)
    return PairedComparison("a", 100, 100 - only, first, second, 0, difference, interval, p_value)


def row(shift: str, pair: PairedComparison | None) -> ComparisonRow:
    result: Result = next(r for r in sample_audit().results if r.risk == "mean" and r.measure == "accuracy")
    return ComparisonRow(shift, "one_draw", "mean", "accuracy", None, (result, result), (None, pair))


def compared(*rows: ComparisonRow) -> Comparison:
    audit = sample_audit()
    return Comparison(("old", "new"), (audit, audit), rows)


def test_what_is_beyond_chance_is_counted_and_the_largest_named() -> None:
    rows = (
        row("rotation(degrees=30)", paired(-0.2, 0.001)),
        row("identity", paired(0.05, 0.01)),
        row("fog(severity=3)", paired(0.01, 0.6)),
    )
    (said,) = headline(compared(*rows))
    assert said == (
        "new against old: better on 1, worse on 1 of 3 tested numbers; most on Rotation up to 30 degrees (−20.0 points). "
        "Each test stands for itself."
    )
    assert "new against old: better on 1, worse on 1 of 3 tested numbers" in compare(compared(*rows))


def test_chance_and_pairs_that_are_not_there_are_said() -> None:
    assert headline(compared(row("identity", paired(0.01, 0.6))))[0].endswith(
        "every difference may be chance. Each test stands for itself."
    )
    assert "no number could be tested against old" in headline(compared(row("identity", None)))[0]
