"""Suites of tables: values that move, are missing, misspelled or swapped, and columns that drift. Of vectors: balls and noise."""

from __future__ import annotations

from shiftproof._part import show
from shiftproof.data.space import Column, InputSpace
from shiftproof.suites.common import AVERAGE, SuiteRuns, balls, scaled, severities

MOST_COLUMNS = 20
"""Columns that are moved one by one; of more, the first."""
WORST = {
    "quick": ("gradient_ascent(steps=20)", "best_of_n(n=10)"),
    "standard": ("gradient_ascent(steps=100)", "best_of_n(n=20)"),
    "thorough": ("gradient_ascent(steps=100, restarts=5)", "best_of_n(n=100)"),
}
"""Adversaries of moves of numbers; what needs gradients is left out where there are none."""
CATEGORIES = {"quick": "best_first(queries=50)", "standard": "best_first(queries=100)", "thorough": "best_first(queries=2000)"}


def wanted(name: str, space: InputSpace) -> SuiteRuns:
    """What the suite asks of rows of numbers; tables whose columns were read from data are moved as tables are, other rows as vectors."""
    known = [column for column in space.columns if not column.marks]
    if not any(column.quantiles or column.values for column in known):
        return _vectors(name, space)
    shares = {"quick": ("0.1",), "standard": ("0.1", "0.3"), "thorough": ("0.1", "0.2", "0.3", "0.5")}[name]
    found: SuiteRuns = []
    if any(column.quantiles for column in known):
        sizes = {"quick": ("0.05",), "standard": ("0.02", "0.05", "0.1"), "thorough": ("0.01", "0.02", "0.05", "0.1", "0.2")}[name]
        found += [(f"within_quantiles(share={size})", (AVERAGE, *WORST[name])) for size in sizes]
    if any(column.kind == "categorical" for column in known):
        found += [(f"category_costs(budget={budget})", (CATEGORIES[name],)) for budget in ((1,) if name == "quick" else (1, 2))]
        found += [(f"{dirt}(share={share})", (AVERAGE,)) for dirt in ("swapped", "misspelled") for share in shares]
    found += [(f"missing(share={share})", (AVERAGE,)) for share in shares]
    return found + ([] if name == "quick" else _columns(known))


def _columns(known: list[Column]) -> SuiteRuns:
    """Each column missing, and each of numbers drifted either way."""
    runs: SuiteRuns = []
    for column in known[:MOST_COLUMNS]:
        runs.append((f"missing(column={show(column.name)})", (AVERAGE,)))
        if column.kind != "categorical":
            runs += [(f"drift(column={show(column.name)}, by={by})", (AVERAGE,)) for by in (-1, 1)]
    return runs


def _vectors(name: str, space: InputSpace) -> SuiteRuns:
    """Balls and noise; sizes are shares of each column's range, or of the box."""
    quick = name == "quick"
    linf = scaled([0.1] if quick else [0.01, 0.02, 0.05, 0.1], space)
    found = balls(linf, [] if quick else scaled([0.1, 0.2], space))
    return found + [(f"gaussian_noise(severity={level})", (AVERAGE,)) for level in severities(name)]
