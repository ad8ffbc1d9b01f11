"""Made from the table in `__init__.py` by `make stubs`."""

from shiftproof.measures.abstract import Measure
from shiftproof.measures.answered import Answered
from shiftproof.measures.aupr import Aupr
from shiftproof.measures.auroc import Auroc
from shiftproof.measures.brier import Brier
from shiftproof.measures.coverage import Coverage
from shiftproof.measures.equalized_odds_gap import EqualizedOddsGap
from shiftproof.measures.expected_cost import ExpectedCost
from shiftproof.measures.f1 import F1
from shiftproof.measures.label_shift import LabelShift
from shiftproof.measures.log_loss import LogLoss
from shiftproof.measures.precision import Precision
from shiftproof.measures.recall import Recall
from shiftproof.measures.top_k import TopK
from shiftproof.measures.uncommon_accuracy import UncommonAccuracy
from shiftproof.measures.uncommon_gap import UncommonGap
from shiftproof.registry import Registry

measures: Registry[Measure]
__all__ = [
    "F1",
    "Answered",
    "Aupr",
    "Auroc",
    "Brier",
    "Coverage",
    "EqualizedOddsGap",
    "ExpectedCost",
    "LabelShift",
    "LogLoss",
    "Measure",
    "Precision",
    "Recall",
    "TopK",
    "UncommonAccuracy",
    "UncommonGap",
    "measures",
]
