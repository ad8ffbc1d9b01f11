"""The numbers of a report by the names under which trackers keep them."""

from __future__ import annotations

import re
from typing import Any

from shiftproof._errors import must
from shiftproof.evaluation.audit.report import Report


def numbers_of(report: Report, *, prefix: str = "shiftproof") -> dict[str, float]:
    """Every number over everyone that was measured, by "prefix/shift/search/measure": the name of the measure says what it claims.

    What a tracker would take for a part of a path or refuse is written as a dash.
    """
    found: dict[str, float] = {}
    for r in report.record.results:
        if r.risk == "mean" and r.group is None and r.value is not None and r.data == report.record.data.uri:
            found["/".join([prefix, plain(r.shift), plain(r.search), r.measure])] = r.value
    for other in report.record.natural:
        if other.accuracy is not None:
            found["/".join([prefix, plain(other.source), report.record.judge.measure])] = other.accuracy
    return found


def plain(name: str) -> str:
    """A spec in letters that every tracker takes.

    >>> plain("linf(eps=8/255)")
    'linf eps-8-255'
    """
    return re.sub(r"[^A-Za-z0-9_. ]+", "-", name.replace("(", " ").replace(")", "")).strip("- ")


def facts_of(report: Report) -> dict[str, str]:
    """What identifies a run: the model, the data, and how it was measured."""
    record = report.record
    return {
        "shiftproof.model": record.model.name,
        "shiftproof.model_fingerprint": record.model.fingerprint,
        "shiftproof.data": record.data.uri,
        "shiftproof.data_fingerprint": record.data.fingerprint,
        "shiftproof.examples": str(record.data.n),
        "shiftproof.suite": str(record.provenance.suite),
        "shiftproof.seed": str(record.provenance.seed),
        "shiftproof.confidence": str(record.provenance.confidence),
        "shiftproof.complete": str(record.complete),
        "shiftproof.version": record.provenance.shiftproof,
    }


def check_report(report: Any, owner: str) -> Report:
    """The report; raises `UsageError` for anything else."""
    if not isinstance(report, Report):
        raise must("report", owner, "be what shiftproof.audit returns", type(report).__name__)
    return report
