"""The measures of stored answers on the page and in the terminal."""

from __future__ import annotations

from shiftproof.records.audit import Audit
from shiftproof.records.set_measure import SetMeasure
from shiftproof.records.trust_row import IntervalEnds
from shiftproof.reports.audit import digest
from shiftproof.reports.number_format import known, percent, points, points_span, span

SHARE = (0.0, 1.0)
_MOST_ROWS = 40
"""Rows of the first table of measures; with more it has those of the samples as they are."""


def of_everyone(audit: Audit) -> list[SetMeasure]:
    """The measures that are of no group, those of one measure together."""
    found = [m for m in audit.measures if m.group is None]
    order = list(dict.fromkeys(m.measure for m in found))
    return sorted(found, key=lambda m: order.index(m.measure))


def measure_rows(audit: Audit) -> tuple[list[SetMeasure], list[SetMeasure]]:
    """Those of everyone: first as collected, on other samples and at the strength of each kind of shift that is worst; then the rest."""
    worst = {r.shift for threat in digest.worst_of_each_family(audit) for r in threat.numbers}
    found = of_everyone(audit)
    first = [m for m in found if m.shift == "identity" or m.shift in worst]
    if len(first) > _MOST_ROWS:
        first = [m for m in first if m.shift == "identity"]
    return first, [m for m in found if m not in first]


def measured(value: float | None, limits: IntervalEnds) -> str:
    """A measure's number: percent where it is a share, else four digits.

    >>> measured(0.5, (0, 1)), measured(0.5, (0, 2)), measured(None, (0, 1))
    ('50.0%', '0.5', 'not measured')
    """
    number = known(value)
    return percent(value) if limits == SHARE or number is None else f"{number:.4g}"


def measured_span(interval: IntervalEnds | None, limits: IntervalEnds) -> str:
    """Its interval."""
    return span(interval) if limits == SHARE or interval is None else f"{interval[0]:.4g} to {interval[1]:.4g}"


def changed(value: float | None, limits: IntervalEnds) -> str:
    """Its change, with its sign: points where it is a share."""
    number = known(value)
    return points(value) if limits == SHARE or number is None else f"{number:+.4g}"


def changed_span(interval: IntervalEnds | None, limits: IntervalEnds) -> str:
    """The interval of its change."""
    return points_span(interval) if limits == SHARE or interval is None else f"{interval[0]:+.4g} to {interval[1]:+.4g}"


def measure_sentence(audit: Audit) -> list[str]:
    """The measures of the sample as it is in one line; nothing where there are none."""
    own = [m for m in of_everyone(audit) if m.shift == "identity" and m.data == audit.data.uri]
    said = [f"{m.label} {measured(m.value, m.range)} ({measured_span(m.interval, m.range)})" for m in own if known(m.value) is not None]
    refused = [f"{m.label} not measured, {m.refused}" for m in own if m.refused]
    return [f"As collected: {'; '.join([*said, *refused])}."] if own else []
