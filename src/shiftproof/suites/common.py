"""What the suites of all kinds of data share."""

from __future__ import annotations

from shiftproof.data.space import InputSpace

AVERAGE = "one_draw"
SuiteRuns = list[tuple[str, tuple[str, ...]]]
"""Specs of shifts, each with those of its searches. Norm balls get their worst case from whoever knows the model."""


def balls(linf: list[float], l2: list[float]) -> SuiteRuns:
    """Norm balls of these sizes, by chance."""
    return [(f"{name}(eps={eps})", (AVERAGE,)) for name, sizes in (("linf", linf), ("l2", l2)) for eps in sizes]


def severities(name: str) -> tuple[int, ...]:
    """Those of corruptions in a suite."""
    return (3,) if name == "quick" else (1, 2, 3, 4, 5)


def scaled(sizes: list[float], space: InputSpace) -> list[float]:
    """Sizes given as shares of the box, in its units."""
    return [eps * space.width for eps in sizes]
