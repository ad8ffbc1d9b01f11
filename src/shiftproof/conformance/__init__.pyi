"""Made from the table in `__init__.py` by `make stubs`."""

from shiftproof.conformance.check import OffersInputs, check_part
from shiftproof.conformance.instances import OffersExamples
from shiftproof.conformance.report import CheckResult, ConformanceReport

__all__ = ["CheckResult", "ConformanceReport", "OffersExamples", "OffersInputs", "check_part"]
