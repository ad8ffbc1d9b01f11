"""How far a machine-learning model can be trusted when the world moves."""

from __future__ import annotations

from shiftproof._lazy import lazy_exports

__version__ = "0.1.0"

__all__, __getattr__ = lazy_exports(
    __name__,
    "_errors:BudgetExceeded",
    "_errors:UsageError",
    "certificates.bounds.verify:verify",
    "data.arrays:examples",
    "data.examples:Examples",
    "data.load:load_data",
    "data.space:InputSpace",
    "diagnostics.bands:frequency_curves",
    "diagnostics.bands:spectral_bias",
    "diagnostics.critical_band:critical_band",
    "diagnostics.fourier:fourier_heat_map",
    "diagnostics.masking:masking",
    "diagnostics.shape_bias:shape_bias",
    "diagnostics.universal:universal",
    "door:confront",
    "evaluation.audit.audit:Report",
    "evaluation.audit.audit:audit",
    "evaluation.curves.security_curve:security_curve",
    "evaluation.transfer.transfer_matrix:transfer_matrix",
    "finding:Finding",
    "measures.corruption_error:mean_corruption_error",
    "measures.effective_robustness:effective_robustness",
    "models.load:as_model",
    "models.load:load_model",
    "outcomes:Bound",
    "searches.best_of_n:BestOfN",
    "searches.gradient_ascent:GradientAscent",
    "searches.grid:Grid",
    "searches.one_draw:OneDraw",
    "shifts.corruptions.corrupt:corrupt",
    "shifts.geometry.rotation:Rotation",
    "shifts.geometry.translation:Translation",
    "shifts.norms.l2:L2",
    "shifts.norms.linf:Linf",
    "training.train:train",
)
