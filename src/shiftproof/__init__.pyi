"""Made from the table in `__init__.py` by `make stubs`."""

from shiftproof._errors import BudgetExceeded, UsageError
from shiftproof.certificates.bounds.verify import verify
from shiftproof.data.arrays import examples
from shiftproof.data.examples import Examples
from shiftproof.data.load import load_data
from shiftproof.data.rows import Fields, Items
from shiftproof.data.space import InputSpace
from shiftproof.diagnostics.bands import frequency_curves, spectral_bias
from shiftproof.diagnostics.critical_band import critical_band
from shiftproof.diagnostics.fourier import fourier_heat_map
from shiftproof.diagnostics.masking import masking
from shiftproof.diagnostics.shape_bias import shape_bias
from shiftproof.diagnostics.universal import universal
from shiftproof.door import confront
from shiftproof.evaluation.audit.audit import audit
from shiftproof.evaluation.audit.callbacks import CellResult, ExampleResult
from shiftproof.evaluation.audit.estimate import Estimate, plan
from shiftproof.evaluation.audit.report import Failure, GateResult, Report
from shiftproof.evaluation.curves.security_curve import security_curve
from shiftproof.evaluation.transfer.transfer_matrix import transfer_matrix
from shiftproof.finding import Finding
from shiftproof.judges.choice import Choice
from shiftproof.judges.classify import Classify
from shiftproof.judges.contains import Contains
from shiftproof.judges.exact_match import ExactMatch
from shiftproof.judges.token_f1 import TokenF1
from shiftproof.judges.within import Within
from shiftproof.measures.corruption_error import mean_corruption_error
from shiftproof.measures.effective_robustness import effective_robustness
from shiftproof.models.load import as_answers, as_model, load_model
from shiftproof.outcomes import Bound
from shiftproof.sampled_bounds import bound_by_sampling
from shiftproof.searches.best_of_n import BestOfN
from shiftproof.searches.exhaustive import Exhaustive
from shiftproof.searches.gradient_ascent import GradientAscent
from shiftproof.searches.greedy import Greedy
from shiftproof.searches.grid import Grid
from shiftproof.searches.one_draw import OneDraw
from shiftproof.shifts.corruptions.corrupt import corrupt
from shiftproof.shifts.geometry.rotation import Rotation
from shiftproof.shifts.geometry.translation import Translation
from shiftproof.shifts.norms.l2 import L2
from shiftproof.shifts.norms.linf import Linf
from shiftproof.shifts.on import On
from shiftproof.shifts.text.typos import Typos
from shiftproof.training.train import train

__version__: str
__all__ = [
    "L2",
    "BestOfN",
    "Bound",
    "BudgetExceeded",
    "CellResult",
    "Choice",
    "Classify",
    "Contains",
    "Estimate",
    "ExactMatch",
    "ExampleResult",
    "Examples",
    "Exhaustive",
    "Failure",
    "Fields",
    "Finding",
    "GateResult",
    "GradientAscent",
    "Greedy",
    "Grid",
    "InputSpace",
    "Items",
    "Linf",
    "On",
    "OneDraw",
    "Report",
    "Rotation",
    "TokenF1",
    "Translation",
    "Typos",
    "UsageError",
    "Within",
    "as_answers",
    "as_model",
    "audit",
    "bound_by_sampling",
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
    "plan",
    "security_curve",
    "shape_bias",
    "spectral_bias",
    "train",
    "transfer_matrix",
    "universal",
    "verify",
]
