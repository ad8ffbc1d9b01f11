"""Runs side by side: the same numbers in rows."""

from __future__ import annotations

from dataclasses import dataclass

from shiftproof.records.audit import Audit, Result
from shiftproof.risks.paired import PairedComparison


@dataclass(frozen=True)
class ComparisonRow:
    """One number in every run.

    `results` and `paired` have one entry a run, None where the run has no such number or its examples do not pair with the first run's.
    """

    shift: str
    search: str
    risk: str
    measure: str
    group: str | None
    results: tuple[Result | None, ...]
    paired: tuple[PairedComparison | None, ...]


@dataclass(frozen=True)
class Comparison:
    """Several runs and the numbers that at least two of them share.

    `alone` has, for each run, the finished cells that no other run has, as "shift under search": a budget or other options cut them there.
    """

    names: tuple[str, ...]
    audits: tuple[Audit, ...]
    rows: tuple[ComparisonRow, ...]
    alone: tuple[tuple[str, ...], ...] = ()
