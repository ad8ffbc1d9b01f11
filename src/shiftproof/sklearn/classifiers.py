"""Linear classifiers that minimise the worst case of a risk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from shiftproof._errors import UsageError, must
from shiftproof.risks.abstract import Risk
from shiftproof.sklearn import _losses
from shiftproof.sklearn._linear import RobustLinear, StressCurve, base_weights
from shiftproof.sklearn._losses import Loss
from shiftproof.sklearn._rows import Array, Rows
from shiftproof.sklearn._smoothed import Floats

Self = TypeVar("Self", bound="_Classifier")


class _Classifier(ClassifierMixin, RobustLinear):  # type: ignore[misc]  # scikit-learn has no types
    """Labels in and out; what differs is the loss."""

    joint: ClassVar[bool]
    """Whether several classes are one problem (softmax), or one problem each against the rest."""

    def __init__(
        self,
        risk: str | Risk[Any] = "mean",
        *,
        penalty: str | None = "l2",
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

    def _losses(self, place: npt.NDArray[np.intp], k: int) -> list[Loss]:
        """One loss a problem, for labels given as places among k classes."""
        raise NotImplementedError

    def fit(
        self: Self,
        X: npt.ArrayLike,  # noqa: N803
        y: npt.ArrayLike,
        sample_weight: npt.ArrayLike | None = None,
        groups: npt.ArrayLike | None = None,
    ) -> Self:
        """Fits to X of shape (n, d) and n labels.

        Args:
            X: features, numbers.
            y: labels, numbers or words, of two classes at least.
            sample_weight: the base weights, shape (n,), at least 0; an example of weight 2 counts as two.
            groups: a group name for each example, where the risk asks for groups.
        """
        self._checked()
        x, labels = validate_data(self, X, y, dtype=np.float64, order="C")
        return self._learn(Array(x), np.asarray(labels), sample_weight, groups)

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
            raise must("risk", f"{type(self).__name__} with {k} classes", "have a closed form", str(risk), "RobustLinearSVC takes it.")
        weigher = self._weigher(risk, base, groups, kept, root=False)
        losses = self._losses(place, k)
        start = self._started(sum(loss.scores for loss in losses), width)
        found = [
            self._solve(rows, loss, weigher, None if start is None else start[i * loss.scores : (i + 1) * loss.scores])
            for i, loss in enumerate(losses)
        ]
        theta = self._keep(found, kept)
        if k > 2 and self.joint:  # a softmax does not see what all classes have in common: of its equal solutions, the one with mean 0
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
    ) -> StressCurve:
        """The risk of this model on X, y against its radius; `risk` asks for another than the one it was fitted to.

        Of one class against the rest, losses are summed over the classes.
        """
        check_is_fitted(self)
        x, labels = validate_data(self, X, y, dtype=np.float64, reset=False)
        strange = sorted({str(label) for label in np.setdiff1d(labels, self.classes_)})
        if strange:
            raise must("y", "stress_curve", f"hold classes seen in fit ({', '.join(map(str, self.classes_))})", ", ".join(strange))
        place = np.searchsorted(self.classes_, labels)
        scores = x @ self.coef_.T + self.intercept_
        losses = self._losses(place, len(self.classes_))
        values = sum(loss.values(scores[:, i * loss.scores : (i + 1) * loss.scores]) for i, loss in enumerate(losses))
        return self._stress(x, np.asarray(values), risk, radii, sample_weight, groups, squared=False)


class RobustLogisticRegression(_Classifier):
    """Logistic regression under the worst reweighting of the sample: min over w, b of R(log loss) + penalty(w).

    Several classes are one softmax. R is the risk: the greatest weighted mean of the losses that it allows; `wasserstein` moves the
    features instead, which for two classes is the mean loss + radius * the dual norm of w.

    Args:
        risk: "mean", "cvar(alpha=0.5)", "superquantile(level=0.5)", "chi_square(radius=0.5)", "kl(radius=0.1)",
            "total_variation(radius=0.1)", "chi_square_penalised(penalty=1)", "kl_penalised(penalty=1)", "extremile(order=2)",
            "exponential_spectral(rho=1)"; with `groups` in fit "worst_group", "mmd(radius=0.1, bandwidth=0)" and
            "sinkhorn(radius=0.1, epsilon=0.05)", whose groups name the example that each row was drawn around;
            "wasserstein(radius=0.05, order=2)", order in {1, 2, inf} the norm that features move in.
        penalty: "l2" (strength / 2 |w|^2), "l1" (strength |w|_1), "elasticnet" (`l1_ratio` of the one, the rest of the other), None.
        strength: of the penalty, in [0, inf). scikit-learn's C is 1 / (n strength).
        tol: relative; the fit ends where the certified gap is below tol times the objective.
        max_iter: Newton steps at most; passes over the data where the solver is stochastic.
        verbose: 1 prints each stage: smoothing, objective, gap, steps.
        solver: "newton", or "stochastic", for so many features that their square does not fit: gradients of mini-batches, without bias.

    Attributes:
        objective_: R + penalty at the coefficients.
        certified_gap_: objective_ less a lower bound of the optimum that was proved from the dual.
        worst_case_weights_: shape (n,), sum 1: who the fit had in mind. Under `wasserstein`, the base weights.
        coef_, intercept_, classes_, n_iter_, groups_: as in scikit-learn; groups_ are the names of the groups that have examples.

    Guarantees:
        The optimum is at least objective_ - certified_gap_, in float64 and up to its rounding. Without a penalty (and for the intercept)
        this is proved for coefficients that move scores up to a thousand times as far as the ones found.
    Cost: n d^2 per Newton step, about ten to thirty, a sixteenth of them on all examples where those are many; memory some thirty vectors
        (n,) beside X, which is not copied, or read a chunk at a time by `fit_chunks`. A stochastic pass is about four reads of the data.

    Example:
        >>> from sklearn.datasets import load_breast_cancer
        >>> X, y = load_breast_cancer(return_X_y=True)
        >>> model = RobustLogisticRegression("cvar(alpha=0.2)").fit(X / X.max(0), y)
        >>> model.certified_gap_ <= 1e-6 * model.objective_
        True

    Reference: Duchi & Namkoong 2021 [duchi2021learning], "Learning models with uniform performance via distributionally robust
    optimization"; Shafieezadeh-Abadeh et al. 2015 [shafieezadehabadeh2015distributionally], "Distributionally robust logistic regression".
    """

    joint = True

    def _losses(self, place: npt.NDArray[np.intp], k: int) -> list[Loss]:
        return [_losses.Logistic(np.where(place == 1, 1.0, -1.0))] if k == 2 else [_losses.Softmax(place, k)]

    def predict_proba(self, X: npt.ArrayLike) -> Floats:  # noqa: N803
        """Probabilities of the classes, shape (n, k)."""
        scores = self.decision_function(X)
        return _losses.Logistic.probabilities(scores[:, None]) if scores.ndim == 1 else _losses.Softmax.probabilities(scores)

    def predict_log_proba(self, X: npt.ArrayLike) -> Floats:  # noqa: N803
        """Their logarithms."""
        return np.asarray(np.log(self.predict_proba(X)))


class RobustLinearSVC(_Classifier):
    """The hinge loss max(0, 1 - s z) under the worst reweighting of the sample; options as in `RobustLogisticRegression`.

    Several classes are one problem each against the rest: `objective_` and `certified_gap_` are sums, `worst_case_weights_` is (n, k).

    Example:
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True)
        >>> bool(RobustLinearSVC("chi_square(radius=0.1)", strength=0.01).fit(X, y).score(X, y) > 0.9)
        True

    Reference: Duchi & Namkoong 2021, "Learning models with uniform performance via distributionally robust optimization".
    """

    joint = False

    def _losses(self, place: npt.NDArray[np.intp], k: int) -> list[Loss]:
        if k == 2:
            return [_losses.hinge(np.where(place == 1, 1.0, -1.0))]
        return [_losses.hinge(np.where(place == label, 1.0, -1.0)) for label in range(k)]
