"""Made from the table in `__init__.py` by `make stubs`."""

from shiftproof.gate.condition import Condition, parse
from shiftproof.gate.junit_xml import junit
from shiftproof.gate.match import Available, available_in, check_against
from shiftproof.gate.verdict import GateVerdict, exit_code, judge, table, verdicts

__all__ = [
    "Available",
    "Condition",
    "GateVerdict",
    "available_in",
    "check_against",
    "exit_code",
    "judge",
    "junit",
    "parse",
    "table",
    "verdicts",
]
