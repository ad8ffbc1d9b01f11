"""Estimators with scikit-learn's API: models that minimise a robust risk, each with a certified gap, and texts as purified vectors."""

from __future__ import annotations

from shiftproof._lazy import lazy_exports

__all__, __getattr__ = lazy_exports(
    __name__,
    "_linear:RiskCurve",
    "_rows:Chunks",
    "boosting:robust_objective",
    "classifiers:RobustLinearSVC",
    "classifiers:RobustLogisticRegression",
    "purified:PurifiedPooling",
    "regressor:RobustRegressor",
    "scorer:robust_scorer",
)
