"""The contract suite for parts: run it on your own shift, search, risk, certificate, defence, method or model with `check_part`.

In a test of a package that adds a part::

    from shiftproof.conformance import check_part

    def test_rain_keeps_the_contract() -> None:
        report = check_part(Rain)
        assert report.passed, report

or on the command line: ``shiftproof check rain.py:Rain``.
"""

from __future__ import annotations

from shiftproof._lazy import lazy_exports

__all__, __getattr__ = lazy_exports(
    __name__,
    "check:OffersInputs",
    "check:check_part",
    "instances:OffersExamples",
    "report:CheckResult",
    "report:ConformanceReport",
)
