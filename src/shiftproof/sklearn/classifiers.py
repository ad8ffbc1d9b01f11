"""Robust linear classifiers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from shiftproof._arrays import Floats
from shiftproof._errors import UsageError, must
from shiftproof.risks.abstract import Risk
from shiftproof.sklearn import _losses
from shiftproof.sklearn._linear import RiskCurve, RobustLinear, base_weights
from shiftproof.sklearn._losses import ConvexLoss
from shiftproof.sklearn._rows import Rows

Self = TypeVar("Self", bound="_Classifier")


class _Classifier(ClassifierMixin, RobustLinear):  # type: ignore[misc]  # scikit-learn has no types
    """The shared part of the classifiers: they differ in their loss."""

    _numbers: ClassVar[bool] = False
    joint: ClassVar[bool]
    """Whether several classes are one problem (softmax), or one problem per class against the rest."""

    @abstractmethod
    def _losses(self, place: npt.NDArray[np.intp], k: int) -> list[ConvexLoss]:
        """One loss per problem, for labels given as indices of k classes."""

    @property
    def lipschitz(self) -> float:
        return 1.0

    def _learn(
        self: Self, rows: Rows, labels: npt.NDArray[np.generic], sample_weight: npt.ArrayLike | None, groups: npt.ArrayLike | None
    ) -> Self:
        risk, width = self._checked(), rows.shape[1]
        check_classification_targets(labels)
        base, kept = base_weights(sample_weight, labels, type(self).__name__)
        rows, labels = rows.only(kept), labels[kept]
        self.classes_, place = np.unique(labels, return_inverse=True)
        k = len(self.classes_)
        if k < 2:
            raise UsageError(f"{type(self).__name__} needs examples of at least 2 classes, got one class: {self.classes_.tolist()[0]!r}.")
        if risk.name == "wasserstein" and k > 2 and self.joint:
            raise must("risk", f"{type(self).__name__} with {k} classes", "have a closed form", str(risk), "RobustLinearSVC supports it.")
        weigher = self._weigher(risk, base, groups, kept, root=False)
        losses = self._losses(place, k)
        start = self._started(sum(loss.scores for loss in losses), width)
        found = [
            self._solve(rows, loss, weigher, None if start is None else start[i * loss.scores : (i + 1) * loss.scores])
            for i, loss in enumerate(losses)
        ]
        theta = self._keep(found, kept)
        if k > 2 and self.joint:  # a softmax is invariant to a common shift of all classes: choose the solution with mean 0
            common = theta.mean(0)
            if self.penalty and self.strength > 0:
                common[:width] = 0.0
            theta -= common
        self.coef_ = theta[:, :width]
        self.intercept_ = theta[:, -1] if self.fit_intercept else np.zeros(len(theta))
        return self

    def decision_function(self, X: npt.ArrayLike) -> Floats:  # noqa: N803
        """Scores: shape (n,) for two classes, positive for the second; else (n, k)."""
        check_is_fitted(self)
        x = validate_data(self, X, dtype=np.float64, reset=False)
        scores = x @ self.coef_.T + self.intercept_
        return np.asarray(scores[:, 0] if len(self.classes_) == 2 else scores)

    def predict(self, X: npt.ArrayLike) -> npt.NDArray[np.generic]:  # noqa: N803
        """The label of the highest score, shape (n,)."""
        scores = self.decision_function(X)
        return np.asarray(self.classes_[(scores > 0).astype(np.intp) if scores.ndim == 1 else scores.argmax(1)])

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
        """The risk of this model on X, y against its radius; `risk` selects another risk than the fitted one.

        With one problem per class, losses are summed over the classes.
        """
        check_is_fitted(self)
        x, labels = validate_data(self, X, y, dtype=np.float64, reset=False)
        unseen = sorted({str(label) for label in np.setdiff1d(labels, self.classes_)})
        if unseen:
            raise must("y", "stress_curve", f"hold classes seen in fit ({', '.join(map(str, self.classes_))})", ", ".join(unseen))
        place = np.searchsorted(self.classes_, labels)
        scores = x @ self.coef_.T + self.intercept_
        losses = self._losses(place, len(self.classes_))
        values = sum(loss.values(scores[:, i * loss.scores : (i + 1) * loss.scores]) for i, loss in enumerate(losses))
        return self._stress(x, np.asarray(values), risk, radii, sample_weight, groups, squared=False)


class RobustLogisticRegression(_Classifier):
    """Logistic regression under the worst reweighting of the sample: min over w, b of R(log loss) + penalty(w).

    Several classes are one softmax. R is the risk, the greatest weighted mean of the losses that it allows. `wasserstein` moves the
    features instead: for two classes, the mean loss + radius * the dual norm of w.

    Args:
        risk: "mean", "cvar(alpha=0.5)", "superquantile(level=0.5)", "chi_square(radius=0.5)", "kl(radius=0.1)",
            "total_variation(radius=0.1)", "chi_square_penalised(penalty=1)", "kl_penalised(penalty=1)", "extremile(order=2)",
            "exponential_spectral(rho=1)"; with `groups` in fit "worst_group", "mmd(radius=0.1, bandwidth=0)" and
            "sinkhorn(radius=0.1, epsilon=0.05)", whose groups name the example that each row was drawn around;
            "wasserstein(radius=0.05, order=2)", with order in {1, 2, inf} the norm that features move in.
        penalty: "l2" (strength / 2 |w|^2), "l1" (strength |w|_1), "elasticnet" (the share `l1_ratio` of l1, the rest l2), None.
        strength: of the penalty, in [0, inf). scikit-learn's C is 1 / (n strength).
        tol: relative; the fit ends where the certified gap is below tol times the objective.
        max_iter: the most Newton steps, or passes over the data for the stochastic solver.
        verbose: 1 prints each stage: smoothing, objective, gap, steps.
        solver: "newton"; or "stochastic" (unbiased mini-batch gradients), for so many features that a square matrix of them does not fit
            in memory.

    Attributes:
        objective_: R + penalty at the coefficients.
        certified_gap_: objective_ minus a lower bound of the optimum, proven from the dual.
        worst_case_weights_: shape (n,), sum 1: the weights of the examples in the fit. Under `wasserstein`, the base weights.
        coef_, intercept_, classes_, n_iter_, groups_: as in scikit-learn; groups_ are the names of the groups that have examples.

    Guarantees:
        The optimum is at least objective_ - certified_gap_, up to float64 rounding. Without a penalty (and for the intercept) this is
        proven for coefficients that move scores up to a thousand times as far as the solution.
    Cost: n d^2 per Newton step; ten to thirty steps, of which large samples take a sixteenth on all examples. Memory: about thirty vectors
        (n,) besides X, which is not copied, or is read in chunks by `fit_chunks`. A stochastic pass reads the data about four times.

    Example:
        >>> from sklearn.datasets import load_breast_cancer
        >>> X, y = load_breast_cancer(return_X_y=True)
        >>> model = RobustLogisticRegression("cvar(alpha=0.2)").fit(X / X.max(0), y)
        >>> model.certified_gap_ <= 1e-6 * model.objective_
        True

    Reference: Duchi & Namkoong 2021 [duchi2021learning], "Learning models with uniform performance via distributionally robust
    optimization"; Shafieezadeh-Abadeh et al. 2015 [shafieezadehabadeh2015distributionally], "Distributionally robust logistic regression".
    """

    joint: ClassVar[bool] = True

    def _losses(self, place: npt.NDArray[np.intp], k: int) -> list[ConvexLoss]:
        return [_losses.Logistic(np.where(place == 1, 1.0, -1.0))] if k == 2 else [_losses.Softmax(place, k)]

    def predict_proba(self, X: npt.ArrayLike) -> Floats:  # noqa: N803
        """Probabilities of the classes, shape (n, k)."""
        scores = self.decision_function(X)
        return _losses.Logistic.probabilities(scores[:, None]) if scores.ndim == 1 else _losses.Softmax.probabilities(scores)

    def predict_log_proba(self, X: npt.ArrayLike) -> Floats:  # noqa: N803
        """Log-probabilities of the classes, shape (n, k)."""
        return np.asarray(np.log(self.predict_proba(X)))


class RobustLinearSVC(_Classifier):
    """The hinge loss max(0, 1 - s z) under the worst reweighting of the sample; options as in `RobustLogisticRegression`.

    Several classes are one problem per class against the rest: `objective_` and `certified_gap_` are sums, `worst_case_weights_` is (n, k).

    Example:
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True)
        >>> bool(RobustLinearSVC("chi_square(radius=0.1)", strength=0.01).fit(X, y).score(X, y) > 0.9)
        True

    Reference: Duchi & Namkoong 2021, "Learning models with uniform performance via distributionally robust optimization".
    """

    joint: ClassVar[bool] = False

    def _losses(self, place: npt.NDArray[np.intp], k: int) -> list[ConvexLoss]:
        if k == 2:
            return [_losses.hinge(np.where(place == 1, 1.0, -1.0))]
        return [_losses.hinge(np.where(place == label, 1.0, -1.0)) for label in range(k)]
