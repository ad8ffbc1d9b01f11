"""Robust linear regression."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from shiftproof._arrays import Floats
from shiftproof._errors import must, unknown
from shiftproof.risks.abstract import Risk
from shiftproof.sklearn import _losses
from shiftproof.sklearn._linear import RiskCurve, RobustLinear, base_weights
from shiftproof.sklearn._losses import ConvexLoss
from shiftproof.sklearn._risks import RiskSpec
from shiftproof.sklearn._rows import Rows

LOSSES = ("squared", "absolute", "quantile")
Self = TypeVar("Self", bound="RobustRegressor")


class RobustRegressor(RegressorMixin, RobustLinear):  # type: ignore[misc]  # scikit-learn has no types
    """Linear regression under the worst reweighting of the sample: min over w, b of R(loss(y - x w - b)) + penalty(w).

    Args:
        risk: as in `RobustLogisticRegression`. Under "wasserstein(radius=r, order=p)" features move: with the squared loss, by a root mean
            square distance of at most r, (sqrt(E residual^2) + r |w|)^2; with the others, by a mean distance of at most r,
            E loss + r L |w|, with L the Lipschitz constant of the loss; |w| is the norm dual to p.
        loss: "squared" (residual^2), "absolute", or "quantile" (at `level`).
        level: the quantile, in (0, 1).
        penalty: "l2", "l1", "elasticnet" or None; see `RobustLogisticRegression` for these and the rest.

    Attributes:
        coef_, intercept_: shape (d,), and a number.
        objective_, certified_gap_, worst_case_weights_, n_iter_: as in `RobustLogisticRegression`.

    Example:
        >>> from sklearn.datasets import load_diabetes
        >>> X, y = load_diabetes(return_X_y=True)
        >>> mean, worst = RobustRegressor().fit(X, y), RobustRegressor("cvar(alpha=0.1)").fit(X, y)
        >>> curves = [m.stress_curve(X, y, risk="cvar(alpha=0.1)", radii=[0.1]).risks[0] for m in (mean, worst)]
        >>> bool(curves[1] < curves[0])
        True

    Reference: Blanchet et al. 2019 [blanchet2019robust], "Robust Wasserstein profile inference and applications to machine learning";
    Laguel et al. 2021 [laguel2021superquantiles], "Superquantiles at work".
    """

    _numbers: ClassVar[bool] = True

    def __init__(
        self,
        risk: str | Risk[Any] = "mean",
        *,
        loss: str = "squared",
        level: float = 0.5,
        penalty: str | None = None,
        strength: float = 1e-4,
        l1_ratio: float = 0.5,
        fit_intercept: bool = True,
        tol: float = 1e-6,
        max_iter: int = 500,
        warm_start: bool = False,
        random_state: int | np.random.RandomState | None = 0,
        verbose: int = 0,
        solver: str = "newton",
    ) -> None:
        super().__init__(
            risk,
            penalty=penalty,
            strength=strength,
            l1_ratio=l1_ratio,
            fit_intercept=fit_intercept,
            tol=tol,
            max_iter=max_iter,
            warm_start=warm_start,
            random_state=random_state,
            verbose=verbose,
            solver=solver,
        )
        self.loss = loss
        self.level = level

    @property
    def lipschitz(self) -> float:
        """The Lipschitz constant of the loss; for the squared loss, of the absolute residual."""
        return max(self.level, 1 - self.level) if self.loss == "quantile" else 1.0

    def _loss(self, targets: Floats) -> ConvexLoss:
        if self.loss == "squared":
            return _losses.Squared(targets)
        return _losses.quantile(targets, self.level) if self.loss == "quantile" else _losses.quantile(targets, 0.5, scale=2.0)

    def _checked(self) -> RiskSpec:
        risk = super()._checked()
        if self.loss not in LOSSES:
            raise unknown("loss", str(self.loss), LOSSES)
        if not 0 < self.level < 1:
            raise must("level", type(self).__name__, "be in (0, 1)", self.level)
        return risk

    def _learn(
        self: Self, rows: Rows, labels: npt.NDArray[np.generic], sample_weight: npt.ArrayLike | None, groups: npt.ArrayLike | None
    ) -> Self:
        risk, width = self._checked(), rows.shape[1]
        base, kept = base_weights(sample_weight, labels, type(self).__name__)
        rows, targets = rows.only(kept), labels[kept].astype(np.float64)
        root = risk.name == "wasserstein" and self.loss == "squared" and risk.options["radius"] > 0
        weigher = self._weigher(risk, base, groups, kept, root=root)
        loss = _losses.quantile(targets, 0.5, scale=2.0) if root else self._loss(targets)
        theta = self._keep([self._solve(rows, loss, weigher, self._started(1, width))], kept)[0]
        self.coef_ = theta[:width]
        self.intercept_ = float(theta[-1]) if self.fit_intercept else 0.0
        return self

    def predict(self, X: npt.ArrayLike) -> Floats:  # noqa: N803
        """X w + b, shape (n,)."""
        check_is_fitted(self)
        return np.asarray(validate_data(self, X, dtype=np.float64, reset=False) @ self.coef_ + self.intercept_)

    def stress_curve(
        self,
        X: npt.ArrayLike,  # noqa: N803
        y: npt.ArrayLike,
        *,
        risk: str | Risk[Any] | None = None,
        radii: Sequence[float] | None = None,
        sample_weight: npt.ArrayLike | None = None,
        groups: npt.ArrayLike | None = None,
    ) -> RiskCurve:
        """The risk of this model on X, y against its radius; `risk` selects another risk than the fitted one."""
        check_is_fitted(self)
        x, targets = validate_data(self, X, y, dtype=np.float64, reset=False, y_numeric=True)
        values = self._loss(np.asarray(targets, dtype=np.float64)).values((x @ self.coef_ + self.intercept_)[:, None])
        return self._stress(x, values, risk, radii, sample_weight, groups, squared=self.loss == "squared")
