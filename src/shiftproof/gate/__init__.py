"""Conditions under which a run fails, and what they come to: `linf(eps=8/255).robust_accuracy < 0.6`."""

from __future__ import annotations

from shiftproof._lazy import lazy_exports

__all__, __getattr__ = lazy_exports(
    __name__,
    "condition:Condition",
    "condition:parse",
    "junit_xml:junit",
    "match:Available",
    "match:available_in",
    "match:check_against",
    "verdict:GateVerdict",
    "verdict:exit_code",
    "verdict:judge",
    "verdict:table",
    "verdict:verdicts",
)
