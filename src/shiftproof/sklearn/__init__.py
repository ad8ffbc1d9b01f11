"""Estimators with scikit-learn's API that minimise a robust risk instead of the mean loss, each with a certified gap to the optimum."""

from __future__ import annotations

from shiftproof._lazy import lazy_exports

__all__, __getattr__ = lazy_exports(
    __name__,
    "_linear:RiskCurve",
    "_rows:Chunks",
    "boosting:robust_objective",
    "classifiers:RobustLinearSVC",
    "classifiers:RobustLogisticRegression",
    "regressor:RobustRegressor",
    "scorer:robust_scorer",
)
