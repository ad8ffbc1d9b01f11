"""Severity curves as tables for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from rich.console import Group
from rich.table import Table

from shiftproof.measures.rank_flips import rank_flips
from shiftproof.records.severity import SeverityCurve
from shiftproof.reports.number_format import confidence, percent, plural, span
from shiftproof.reports.severity import cost_of, failures, flip_in_words
from shiftproof.reports.terminal_fit import FirstThatFits, Sentence, text

_INTERVAL = len("(98.8 to 100.0%)")


def terminal_severity(curves: Sequence[SeverityCurve]) -> Group:
    """Accuracy at each level, failure points, and whether models change places; control characters in names do nothing."""
    table = FirstThatFits(
        partial(_table, curves, " "), partial(_table, curves, "\n"), lambda: Group(*(_table([curve], " ") for curve in curves))
    )
    lines = [_failure_line(curve) for curve in curves]
    if len(curves) > 1:
        lines += [flip_in_words(flip, curves[0].strength) for flip in rank_flips(curves)]
    flags = {flag.name: flag.detail for curve in curves for flag in curve.flags}
    lines += [f"⚑ {name}: {detail}" for name, detail in flags.items()]
    lines.append(f"Cost: {cost_of(curves)}.")
    return Group(table, *map(Sentence, lines))


def _table(curves: Sequence[SeverityCurve], joint: str) -> Table:
    first = curves[0]
    title = f"{first.shift}, by chance: estimate, n = {len(first)}"
    table = Table(title=text(title), caption=text(f"{confidence(first.confidence)} intervals, each level by itself"))
    table.add_column(text(first.strength), justify="right")
    for curve in curves:
        table.add_column(text(curve.model), justify="right", style="blue", overflow="fold", min_width=_INTERVAL)
    intervals = [curve.interval() for curve in curves]
    for row, level in enumerate(first.levels):
        shown = [
            text(f"{percent(float(curve.accuracy[row]))}{joint}({span((float(ends.low[row]), float(ends.high[row])))})")
            for curve, ends in zip(curves, intervals, strict=True)
        ]
        table.add_row(f"{level:.4g}", *shown)
    return table


def _failure_line(curve: SeverityCurve) -> str:
    found = failures(curve)
    failed = plural(int((curve.recoveries > 0).sum()), "example")
    return (
        f"{curve.model}: median {curve.strength} of failure {found.median}; {found.already} wrong unmoved, {found.never} never failed; "
        f"{failed} broken and then right again ({found.unmonotone})"
    )
