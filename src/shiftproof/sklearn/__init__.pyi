"""Made from the table in `__init__.py` by `make stubs`."""

from shiftproof.sklearn._linear import RiskCurve
from shiftproof.sklearn._rows import Chunks
from shiftproof.sklearn.boosting import robust_objective
from shiftproof.sklearn.classifiers import RobustLinearSVC, RobustLogisticRegression
from shiftproof.sklearn.purified import PurifiedPooling
from shiftproof.sklearn.regressor import RobustRegressor
from shiftproof.sklearn.scorer import robust_scorer

__all__ = [
    "Chunks",
    "PurifiedPooling",
    "RiskCurve",
    "RobustLinearSVC",
    "RobustLogisticRegression",
    "RobustRegressor",
    "robust_objective",
    "robust_scorer",
]
