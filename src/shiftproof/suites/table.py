"""Suites of tables and vectors: balls and noise."""

from __future__ import annotations

from shiftproof.data.space import InputSpace
from shiftproof.suites.common import AVERAGE, SuiteRuns, balls, scaled, severities


def wanted(name: str, space: InputSpace) -> SuiteRuns:
    """What the suite asks of rows of numbers; sizes are shares of each column's range, or of the box."""
    quick = name == "quick"
    linf = scaled([0.1] if quick else [0.01, 0.02, 0.05, 0.1], space)
    found = balls(linf, [] if quick else scaled([0.1, 0.2], space))
    return found + [(f"gaussian_noise(severity={level})", (AVERAGE,)) for level in severities(name)]
