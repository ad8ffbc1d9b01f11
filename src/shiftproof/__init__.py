"""How far a machine-learning model can be trusted when the world moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shiftproof._lazy import lazy_exports

if TYPE_CHECKING:
    from shiftproof._errors import BudgetExceeded, UsageError
    from shiftproof.certificates.bounds.verify import verify
    from shiftproof.data.arrays import examples
    from shiftproof.data.examples import Examples
    from shiftproof.data.load import load_data
    from shiftproof.data.space import InputSpace
    from shiftproof.diagnostics.bands import critical_band, frequency_curves
    from shiftproof.diagnostics.fourier import fourier_heat_map
    from shiftproof.diagnostics.masking import masking
    from shiftproof.diagnostics.shape_bias import shape_bias
    from shiftproof.diagnostics.universal import universal
    from shiftproof.door import confront
    from shiftproof.evaluation.audit import Report, audit
    from shiftproof.evaluation.security_curve import security_curve
    from shiftproof.evaluation.transfer_matrix import transfer_matrix
    from shiftproof.finding import Finding
    from shiftproof.measures.corruption_error import mean_corruption_error
    from shiftproof.measures.effective_robustness import effective_robustness
    from shiftproof.models.load import as_model, load_model
    from shiftproof.outcomes import Bound
    from shiftproof.searches import BestOfN, GradientAscent, Grid, OneDraw
    from shiftproof.shifts import L2, Linf, Rotation, Translation
    from shiftproof.shifts.corruptions.front import corrupt
    from shiftproof.training.train import train

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
    "corrupt",
    "critical_band",
    "effective_robustness",
    "examples",
    "fourier_heat_map",
    "frequency_curves",
    "load_data",
    "load_model",
    "masking",
    "mean_corruption_error",
    "security_curve",
    "shape_bias",
    "train",
    "transfer_matrix",
    "universal",
    "verify",
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
        "corrupt": "shifts.corruptions.front",
        "examples": "data.arrays",
        "load_data": "data.load",
        "as_model": "models.load",
        "load_model": "models.load",
        "audit": "evaluation.audit",
        "Report": "evaluation.audit",
        "critical_band": "diagnostics.bands",
        "frequency_curves": "diagnostics.bands",
        "fourier_heat_map": "diagnostics.fourier",
        "masking": "diagnostics.masking",
        "shape_bias": "diagnostics.shape_bias",
        "effective_robustness": "measures.effective_robustness",
        "mean_corruption_error": "measures.corruption_error",
        "train": "training.train",
        "universal": "diagnostics.universal",
        "verify": "certificates.bounds.verify",
        "security_curve": "evaluation.security_curve",
        "transfer_matrix": "evaluation.transfer_matrix",
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
