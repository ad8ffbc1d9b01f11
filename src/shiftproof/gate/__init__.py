"""Conditions under which a run fails, and what they come to: `linf(eps=8/255).robust_accuracy < 0.6`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shiftproof._lazy import lazy_exports

if TYPE_CHECKING:
    from shiftproof.gate.condition import Condition, parse
    from shiftproof.gate.junit_xml import junit
    from shiftproof.gate.match import Available, available_in, check_against
    from shiftproof.gate.verdict import Verdict, exit_code, judge, table, verdicts

__all__ = [
    "Available",
    "Condition",
    "Verdict",
    "available_in",
    "check_against",
    "exit_code",
    "judge",
    "junit",
    "parse",
    "table",
    "verdicts",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "Condition": "condition",
        "parse": "condition",
        "Available": "match",
        "available_in": "match",
        "check_against": "match",
        "Verdict": "verdict",
        "verdicts": "verdict",
        "judge": "verdict",
        "exit_code": "verdict",
        "table": "verdict",
        "junit": "junit_xml",
    },
)
