"""How far a machine-learning model can be trusted when the world moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shiftproof._lazy import lazy_exports

if TYPE_CHECKING:
    from shiftproof._errors import BudgetExceeded, UsageError
    from shiftproof.data.arrays import examples
    from shiftproof.data.examples import Examples
    from shiftproof.data.load import load_data
    from shiftproof.data.space import InputSpace
    from shiftproof.door import confront
    from shiftproof.evaluation.audit import Report, audit
    from shiftproof.finding import Finding
    from shiftproof.models.load import as_model, load_model
    from shiftproof.outcomes import Bound
    from shiftproof.searches import BestOfN, GradientAscent, Grid, OneDraw
    from shiftproof.shifts import L2, Linf, Rotation, Translation

__version__ = "0.1.0"

__all__ = [
    "L2",
    "BestOfN",
    "Bound",
    "BudgetExceeded",
    "Examples",
    "Finding",
    "GradientAscent",
    "Grid",
    "InputSpace",
    "Linf",
    "OneDraw",
    "Report",
    "Rotation",
    "Translation",
    "UsageError",
    "as_model",
    "audit",
    "confront",
    "examples",
    "load_data",
    "load_model",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "Bound": "outcomes",
        "BudgetExceeded": "_errors",
        "UsageError": "_errors",
        "Examples": "data.examples",
        "InputSpace": "data.space",
        "Finding": "finding",
        "confront": "door",
        "examples": "data.arrays",
        "load_data": "data.load",
        "as_model": "models.load",
        "load_model": "models.load",
        "audit": "evaluation.audit",
        "Report": "evaluation.audit",
        "Linf": "shifts.norms.linf",
        "L2": "shifts.norms.l2",
        "Rotation": "shifts.geometry.rotation",
        "Translation": "shifts.geometry.translation",
        "OneDraw": "searches.one_draw",
        "BestOfN": "searches.best_of_n",
        "Grid": "searches.grid",
        "GradientAscent": "searches.gradient_ascent",
    },
)
