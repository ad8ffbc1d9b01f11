"""The base class of the robust linear estimators: their options, their fit and their attributes."""

from __future__ import annotations

import math
import sys
import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from shiftproof._arrays import Floats
from shiftproof._errors import UsageError, must, unknown
from shiftproof.risks.abstract import Risk
from shiftproof.sklearn import _newton, _risks, _stochastic
from shiftproof.sklearn._losses import ConvexLoss
from shiftproof.sklearn._newton import Solution
from shiftproof.sklearn._norms import Absolute, NormPenalty, dual_norm
from shiftproof.sklearn._objective import Objective
from shiftproof.sklearn._risks import RiskSpec, Weigher
from shiftproof.sklearn._rows import ArrayRows, Rows, Stream

PENALTIES = ("l1", "l2", "elasticnet")
SOLVERS = {"newton": _newton.solve, "stochastic": _stochastic.solve}
RADII: dict[str, tuple[float, ...]] = {
    "radius": (0.0, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0),
    "alpha": (1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01),
    "level": (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99),
    "order": (1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0),
    "rho": (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0),
    "penalty": (100.0, 30.0, 10.0, 3.0, 1.0, 0.3, 0.1),
}
Self = TypeVar("Self", bound="RobustLinear")


@dataclass(frozen=True, eq=False)
class RiskCurve:
    """The risk of a fitted model against the size of the set of reweightings (or moves).

    Args:
        option: the option that varies: the radius of the risk, or its alpha, level, order, rho or penalty.
        radii: shape (m,).
        risks: shape (m,), the risk at each, without penalties.
    """

    option: str
    radii: Floats
    risks: Floats


class RobustLinear(BaseEstimator, ABC):  # type: ignore[misc]  # scikit-learn has no types
    """A linear model that minimises a risk; see the estimators for its options."""

    _numbers: ClassVar[bool]
    """Whether labels must be numbers."""
    _theta: Floats = np.zeros((0, 0))
    """All coefficients of the last fit, the intercepts last."""

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
        self.risk = risk
        self.penalty = penalty
        self.strength = strength
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.tol = tol
        self.max_iter = max_iter
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose
        self.solver = solver

    def fit(
        self: Self,
        X: npt.ArrayLike,  # noqa: N803
        y: npt.ArrayLike,
        sample_weight: npt.ArrayLike | None = None,
        groups: npt.ArrayLike | None = None,
    ) -> Self:
        """Fits to X of shape (n, d) and n labels or targets.

        Args:
            X: features, numbers.
            y: labels, numbers or words, of at least two classes; or targets, numbers.
            sample_weight: the base weights, shape (n,), at least 0; an example of weight 2 counts as two.
            groups: a group name for each example, if the risk needs groups.
        """
        self._checked()
        x, labels = validate_data(self, X, y, dtype=np.float64, order="C", y_numeric=self._numbers)
        return self._learn(ArrayRows(x), np.asarray(labels), sample_weight, groups)

    def fit_chunks(
        self: Self,
        chunks: Sequence[tuple[npt.ArrayLike, npt.ArrayLike]],
        sample_weight: npt.ArrayLike | None = None,
        groups: npt.ArrayLike | None = None,
    ) -> Self:
        """Fits data that do not fit in memory: as `fit`, to the same certified gap, with one chunk in memory at a time.

        Args:
            chunks: a sequence of (X, y), the same at each read: `Chunks(X, y)` of a memory map, or a class that reads one file per chunk.
                Chunks are read twenty to a hundred times.
            sample_weight: as in `fit`, for all examples, in the order of the chunks.
            groups: as in `fit`, in the same order.

        Cost: memory for one chunk and about thirty numbers per example.
        """
        self._checked()
        rows, labels = self._read(chunks)
        return self._learn(rows, labels, sample_weight, groups)

    def _read(self, chunks: Sequence[tuple[npt.ArrayLike, npt.ArrayLike]]) -> tuple[Stream, npt.NDArray[np.generic]]:
        """The chunks, checked once, and all labels."""
        if len(chunks) == 0:
            raise must("chunks", type(self).__name__, "have at least one chunk", 0)
        labels = []
        for index in range(len(chunks)):
            x, y = chunks[index]
            _, checked = validate_data(self, x, y, dtype=np.float64, y_numeric=self._numbers, reset=index == 0)
            labels.append(np.asarray(checked))
        sizes = np.array([len(y) for y in labels], dtype=np.intp)
        return Stream(chunks, sizes, self.n_features_in_, np.ones(int(sizes.sum()), dtype=bool)), np.concatenate(labels)

    @property
    @abstractmethod
    def lipschitz(self) -> float:
        """The Lipschitz constant of the loss in a score: the cost of a move of the features under `wasserstein`, per unit of the norm."""

    @abstractmethod
    def _learn(
        self: Self, rows: Rows, labels: npt.NDArray[np.generic], sample_weight: npt.ArrayLike | None, groups: npt.ArrayLike | None
    ) -> Self:
        """The fit on checked data."""

    def _checked(self) -> RiskSpec:
        """The risk; raises `UsageError` if an option is out of range."""
        owner = type(self).__name__
        if self.penalty is not None and self.penalty not in PENALTIES:
            raise unknown("penalty", str(self.penalty), PENALTIES, "Use None for no penalty.")
        if self.solver not in SOLVERS:
            raise unknown("solver", str(self.solver), SOLVERS)
        for name, value, low, high in (
            ("strength", self.strength, 0.0, math.inf),
            ("l1_ratio", self.l1_ratio, 0.0, 1.0),
            ("tol", self.tol, 0.0, 1.0),
            ("max_iter", self.max_iter, 1, math.inf),
        ):
            if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)) or not low <= value <= high:
                raise must(name, owner, f"be in [{low:g}, {high:g}]", value)
        return _risks.read(self.risk).simplest

    def _penalties(self, risk: RiskSpec) -> tuple[float, NormPenalty | None]:
        """The strength of the squared norm, and the other norm; a `wasserstein` radius adds a norm too."""
        share = {"l1": 1.0, "elasticnet": self.l1_ratio}.get(self.penalty or "", 0.0)
        strength = self.strength if self.penalty else 0.0
        ridge, sparse = strength * (1 - share), strength * share
        radius = risk.options["radius"] * self.lipschitz if risk.name == "wasserstein" else 0.0
        if radius > 0:
            order = risk.options["order"]
            if sparse > 0 and order != math.inf:
                raise must(
                    "penalty",
                    f"{type(self).__name__} under {risk}",
                    "be None or 'l2'",
                    self.penalty,
                    "Only order=inf, which is an l1 norm itself, can be combined with an l1 penalty.",
                )
            return ridge, dual_norm(order, radius + sparse)
        return ridge, Absolute(sparse) if sparse > 0 else None

    def _weigher(self, risk: RiskSpec, base: Floats, groups: npt.ArrayLike | None, kept: npt.NDArray[np.bool_], *, root: bool) -> Weigher:
        place = None
        if groups is not None:
            named = np.asarray(groups)
            if named.shape != kept.shape:
                raise must("groups", type(self).__name__, f"have one name per example ({len(kept)})", named.shape)
            if any(name is None or name != name for name in named.tolist()):
                raise must("groups", type(self).__name__, "name a group for every example", "None or NaN", "Give unknown groups a name.")
            try:
                self.groups_, place = np.unique(named[kept], return_inverse=True)
            except TypeError:
                kinds = ", ".join(sorted({type(name).__name__ for name in named.tolist()}))
                raise must("groups", type(self).__name__, "be names of one kind", kinds, "Make all of them text.") from None
        if risk.groups and place is None:
            raise UsageError(f"The risk '{risk.name}' needs {risk.groups} for each example: fit(X, y, groups=...).")
        gram = None if place is None else _risks.group_kernel(risk, self.groups_)
        return Weigher(risk, base, place, root, gram)

    def _solve(self, x: Rows, loss: ConvexLoss, weigher: Weigher, start: Floats | None) -> Solution:
        """Solves one problem, and warns if the certified gap is above the tolerance."""
        root = weigher.root
        if root and self.penalty and self.strength > 0:
            raise must(
                "penalty",
                f"{type(self).__name__} under {weigher.risk} with the squared loss",
                "be None",
                self.penalty,
                "Its radius is a penalty itself.",
            )
        ridge, norm = self._penalties(weigher.risk)
        problem = Objective(x, loss, weigher, bool(self.fit_intercept), ridge, norm)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        say = self._say if self.verbose else _quiet
        if self.solver == "stochastic" and not loss.smooth:
            raise must("solver", f"{type(self).__name__} with a loss that has kinks", "be 'newton'", self.solver, "It reads chunks too.")
        found = SOLVERS[self.solver](problem, tol=self.tol, steps=int(self.max_iter), say=say, start=start, seed=seed)
        at_zero = problem.exact(problem.start, np.zeros((x.shape[0], loss.scores)))
        if found.gap > self.tol * max(found.objective, 1e-3 * at_zero):
            warnings.warn(
                f"The gap {found.gap:.1e} is above tol={self.tol:g} times the objective {found.objective:.3g} after {found.steps} steps. "
                "Raise max_iter or tol, or scale the features.",
                ConvergenceWarning,
                stacklevel=3,
            )
        if not root:
            return found
        low = found.objective - found.gap  # the root was minimised; its square is the risk of squared errors
        return Solution(found.theta, found.objective**2, found.objective**2 - low**2, weigher.base, found.steps)

    def _say(self, line: str) -> None:
        sys.stdout.write(f"[{type(self).__name__}] {line}\n")

    def _keep(self, found: Sequence[Solution], kept: npt.NDArray[np.bool_]) -> Floats:
        """Sets the attributes of a fit; returns all coefficients, (k, D)."""
        theta = np.concatenate([one.theta for one in found])
        weights = np.zeros((len(kept), len(found)))
        weights[kept] = np.column_stack([one.weights for one in found])
        self.worst_case_weights_ = weights[:, 0] if len(found) == 1 else weights
        self.objective_ = float(sum(one.objective for one in found))
        self.certified_gap_ = float(sum(one.gap for one in found))
        self.n_iter_ = max(1, max(one.steps for one in found))
        self._theta = theta if self.fit_intercept else np.column_stack([theta, np.zeros(len(theta))])
        return theta

    def _started(self, k: int, width: int) -> Floats | None:
        """The coefficients of the last fit, for a warm start; None where they have another shape."""
        if not self.warm_start or self._theta.shape != (k, width + 1):
            return None
        return np.array(self._theta if self.fit_intercept else self._theta[:, :-1])

    def _stress(
        self,
        x: Floats,
        losses: Floats,
        risk: str | Risk[Any] | None,
        radii: Sequence[float] | None,
        sample_weight: npt.ArrayLike | None,
        groups: npt.ArrayLike | None,
        *,
        squared: bool,
    ) -> RiskCurve:
        check_is_fitted(self)
        spec = _risks.read(self.risk if risk is None else risk)
        given = np.asarray(_check_sample_weight(sample_weight, x, dtype=np.float64))
        kept = given > 0
        base = given[kept] / given.sum()
        weigher = self._weigher(spec, base, groups, kept, root=False)
        option = spec.radius_name or ""
        tried = np.asarray(RADII.get(option, (0.0,)) if radii is None else radii, dtype=np.float64)
        risks = []
        for radius in tried:
            at = spec.at_radius(float(radius))
            value = replace(weigher, risk=at)(losses[kept]).value
            if at.name == "wasserstein":
                move = dual_norm(at.options["order"], 1.0).value(self._theta[:, :-1].ravel()) * at.options["radius"]
                value = (math.sqrt(value) + move) ** 2 if squared else value + self.lipschitz * move
            risks.append(value)
        return RiskCurve(option, tried, np.asarray(risks))


def _quiet(line: str) -> None:
    """Prints nothing."""


def base_weights(sample_weight: npt.ArrayLike | None, labels: npt.NDArray[np.generic], owner: str) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """The base weights of the examples with weight above 0, and the mask of those examples.

    Raises:
        UsageError: a weight is negative, or all are 0.
    """
    given = np.asarray(_check_sample_weight(sample_weight, labels, dtype=np.float64))
    if (given < 0).any() or not given.sum() > 0:
        raise must("sample_weight", owner, "be at least 0, and above 0 somewhere", float(given.min()))
    kept = given > 0
    return given[kept] / given.sum(), kept
