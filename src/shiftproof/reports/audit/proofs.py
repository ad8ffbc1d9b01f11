"""Certified accuracy against the radius: each certificate of an audit as a chart with a table, the attacks of the same shift beside it."""

from __future__ import annotations

from dataclasses import dataclass

from shiftproof.records.audit import Audit, ProvenCurve, Result
from shiftproof.reports import vega as alt
from shiftproof.reports.audit import digest
from shiftproof.reports.audit.staircase import AXIS, staircase, step_row
from shiftproof.reports.figure import Figure
from shiftproof.reports.number_format import known

_LINES = 8


@dataclass(frozen=True)
class RadiusReading:
    """Certified accuracy at one radius; `attacked` is what an attack left of the model itself there."""

    radius: float
    value: float
    interval: tuple[float, float]
    attacked: Result | None


@dataclass(frozen=True)
class ProofTable:
    """One certificate under one shift, with its table."""

    name: str
    curve: ProvenCurve
    lines: list[RadiusReading]


def proof_tables(audit: Audit) -> list[ProofTable]:
    """Every certificate of the run that proved anything, or could not."""
    return [ProofTable(f"proof:{place}", curve, _lines(audit, curve)) for place, curve in enumerate(audit.proven)]


def proof_chart(audit: Audit, each: ProofTable) -> Figure:
    """The certified staircase with its interval radius by radius, and the attacks of single strengths of the same family as points."""
    curve = each.curve
    attacks = _attacks(audit, curve)
    asked = _asked(curve)
    most = 1.05 * asked
    start = curve.accuracy[0] if curve.accuracy else 0.0
    first = (curve.low[0], curve.high[0]) if curve.low else (0.0, 0.0)
    points = [(0.0, start, first), *zip(curve.radius, curve.accuracy, zip(curve.low, curve.high, strict=True), strict=True)]
    last = points[-1][0]
    if last < asked * (1 - 1e-9):  # asked about and not proven of anyone; of what lies beyond nothing is said
        points += [(last * (1 + 1e-9) + 1e-12, 0.0, (0.0, 0.0)), (asked, 0.0, (0.0, 0.0))]
    rows = [step_row("radius", at, value, band, "at_least") for at, value, band in points]
    return staircase(
        rows,
        {"attack": attacks},
        x=alt.X("radius:Q", title=f"radius ({curve.strength_name})", scale=alt.Scale(domain=[0, most], nice=False), axis=AXIS),
        field="radius",
        step="step-before",
        title=f"Certified accuracy against the radius under {curve.family} by {curve.certificate}; its numbers are in the table beside it.",
        tooltip={"at": "radius", "shown": "certified", "span": "interval"},
    )


def _asked(curve: ProvenCurve) -> float:
    """The largest radius that the certificate was asked about."""
    return max([*curve.radius, curve.strength])


def _attacks(audit: Audit, curve: ProvenCurve) -> list[Result]:
    """What attacks left of the model itself under the same family of shifts, the lowest at each strength."""
    same = [r for r in digest.plain(audit) if r.family == curve.family and r.kind == "at_most" and r.data == curve.data]
    measured = [r for r in digest.tightest(same) if known(r.value) is not None and r.strength is not None]
    return sorted((r for r in measured if (r.strength or 0.0) <= _asked(curve) * (1 + 1e-9)), key=lambda r: r.strength or 0.0)


def _lines(audit: Audit, curve: ProvenCurve) -> list[RadiusReading]:
    """The curve at some of its radii, at the shift's own strength, and where the run attacked."""
    attacks = {r.strength: r for r in _attacks(audit, curve) if r.strength is not None}
    step = max(1, -(-len(curve.radius) // _LINES))
    at = sorted({*curve.radius[::step], curve.strength, *attacks})
    return [RadiusReading(radius, *_read(curve, radius), attacks.get(radius)) for radius in at]


def _read(curve: ProvenCurve, radius: float) -> tuple[float, tuple[float, float]]:
    """Accuracy at a radius: that of the next one proven, which claims at least as much."""
    for at, value, low, high in zip(curve.radius, curve.accuracy, curve.low, curve.high, strict=True):
        if at >= radius * (1 - 1e-9):
            return value, (low, high)
    return 0.0, (0.0, _none_of(curve))


def _none_of(curve: ProvenCurve) -> float:
    """The upper end of the interval where none of n examples is proven."""
    tail = (1 - curve.confidence) / 2
    return 1.0 - float(tail ** (1 / curve.n)) if curve.n else 1.0
