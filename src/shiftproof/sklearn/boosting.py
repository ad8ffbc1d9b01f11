"""Robust risks for gradient-boosted trees: an objective for XGBoost and LightGBM."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from shiftproof._arrays import Floats
from shiftproof._errors import MissingExtra, must
from shiftproof.risks.abstract import Risk
from shiftproof.sklearn import _losses, _risks
from shiftproof.sklearn._losses import ConvexLoss
from shiftproof.sklearn._risks import RiskSpec, Weigher

SHARE = 0.1
"""The least second derivative of an example, as a share of its base weight, so that no leaf has a second derivative of 0."""


@dataclass(frozen=True, eq=False)
class RobustObjective:
    """Gradient and second derivative of n R(losses) with respect to the scores: the `objective=` of their scikit-learn estimators."""

    risk: RiskSpec
    loss: Literal["logistic", "squared"]
    smoothing: float
    groups: npt.NDArray[np.intp] | None = None

    def __call__(self, y_true: npt.ArrayLike, y_pred: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None) -> tuple[Floats, Floats]:
        """Gradient and second derivative, each (n,), for labels 0 and 1 (logistic) or targets (squared) and raw scores, shape (n,)."""
        targets = np.asarray(y_true, dtype=np.float64).ravel()
        scores = np.asarray(y_pred, dtype=np.float64).reshape(len(targets), -1)
        if scores.shape[1] != 1:
            raise must("y_pred", "robust_objective", "have one score per example", scores.shape, "Several classes are not supported.")
        if self.groups is not None and len(self.groups) != len(targets):
            raise must("groups", "robust_objective", f"have one name per example ({len(targets)})", len(self.groups))
        given = np.ones(len(targets)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        base = given / given.sum()
        loss: ConvexLoss = _losses.Squared(targets) if self.loss == "squared" else _losses.Logistic(np.where(targets > 0.5, 1.0, -1.0))
        at = loss.at(scores, 0.0)
        weights = Weigher(self.risk, base, self.groups)(at.values, self.smoothing * float(base @ at.values)).weights
        return len(base) * weights * at.slopes[:, 0], len(base) * np.maximum(weights, SHARE * base) * at.bends


def robust_objective(
    risk: str | Risk[Any],
    *,
    loss: Literal["logistic", "squared"] = "logistic",
    groups: npt.ArrayLike | None = None,
    smoothing: float = 0.1,
) -> RobustObjective:
    """The objective that makes boosted trees minimise a robust risk: each round weighs the examples by their worst case so far.

    Args:
        risk: as in `RobustLogisticRegression`, except `wasserstein`.
        loss: "logistic" (labels 0 and 1) or "squared".
        groups: a group name for each training example, for "worst_group".
        smoothing: of the weights, in units of the mean loss, in [0, inf); at 0 the trees of a round fit the few worst examples only.

    Guarantees: the gradient is exactly that of the smoothed risk. Boosting is a heuristic, so there is no certificate of an optimum.
    Cost: O(n log n) per round.

    Raises:
        MissingExtra: neither XGBoost nor LightGBM is installed.

    Use: ``xgboost.XGBClassifier(objective=robust_objective("cvar(alpha=0.2)"))``, and the same with ``lightgbm.LGBMClassifier``, whose
    scores are then raw: a probability is 1 / (1 + exp(-score)).
    """
    if find_spec("xgboost") is None and find_spec("lightgbm") is None:
        raise MissingExtra("xgboost", "boosting")
    spec = _risks.read(risk)
    if spec.name == "wasserstein":
        raise must("risk", "robust_objective", "reweigh examples", str(spec), "Trees have no closed form for moved features.")
    if spec.name == "worst_group" and groups is None:
        raise must("groups", "robust_objective", "be given for 'worst_group'", None)
    if loss not in ("logistic", "squared"):
        raise must("loss", "robust_objective", "be 'logistic' or 'squared'", loss)
    if not 0 <= smoothing < np.inf:
        raise must("smoothing", "robust_objective", "be in [0, inf)", smoothing)
    place = None if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    return RobustObjective(spec, loss, float(smoothing), place)
