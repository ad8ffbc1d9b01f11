"""Estimators with scikit-learn's API that minimise a robust risk in place of the mean loss, each with a certificate of its optimum."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shiftproof._lazy import lazy_exports

if TYPE_CHECKING:
    from shiftproof.sklearn._linear import StressCurve
    from shiftproof.sklearn._rows import Chunks
    from shiftproof.sklearn.boosting import robust_objective
    from shiftproof.sklearn.classifiers import RobustLinearSVC, RobustLogisticRegression
    from shiftproof.sklearn.regressor import RobustRegressor

__all__ = ["Chunks", "RobustLinearSVC", "RobustLogisticRegression", "RobustRegressor", "StressCurve", "robust_objective"]

__getattr__ = lazy_exports(
    __name__,
    {
        "RobustLogisticRegression": "classifiers",
        "RobustLinearSVC": "classifiers",
        "RobustRegressor": "regressor",
        "Chunks": "_rows",
        "StressCurve": "_linear",
        "robust_objective": "boosting",
    },
)
