"""Robust accuracy as a score that scikit-learn's searches over settings maximise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from shiftproof._errors import must
from shiftproof.data.arrays import examples
from shiftproof.data.space import ValueRange

_UNBOUNDED: ValueRange = (-float("inf"), float("inf"))


@dataclass(frozen=True)
class RobustScorer:
    """See `robust_scorer`."""

    shift: Any
    search: Any
    box: ValueRange
    limit: int | None
    seed: int

    def __call__(self, estimator: Any, x: Any, y: Any) -> float:
        """The share of the rows still right under the shift, in [0, 1]."""
        from shiftproof.evaluation.robust_check import RobustCheck

        rows, truth = np.asarray(x)[: self.limit], np.asarray(y)[: self.limit]
        classes = np.asarray(estimator.classes_)
        codes = np.searchsorted(classes, truth)
        known = classes[np.minimum(codes, len(classes) - 1)] == truth
        labels = np.where(known, codes, len(classes))  # a class that this fold has not seen is never right
        shown = examples(rows, labels, box=self.box, kind="vector" if rows.ndim == 2 else None)
        check = RobustCheck(self.shift, self.search, seed=self.seed)
        return check(_Codes(estimator, classes), shown).accuracy


@dataclass(frozen=True)
class _Codes:
    """An estimator whose classes are their places, whatever they are called: a function of rows that gives scores or labels."""

    estimator: Any
    classes: Any

    @property
    def __name__(self) -> str:
        return type(self.estimator).__name__

    def __call__(self, x: np.ndarray[Any, Any]) -> Any:
        if callable(probabilities := getattr(self.estimator, "predict_proba", None)):  # not every classifier has it
            scores = np.asarray(probabilities(x), dtype=np.float64)
            return np.concatenate([scores, np.zeros((len(scores), 1))], axis=1)  # the class that this fold has not seen
        return np.searchsorted(self.classes, np.asarray(self.estimator.predict(x)))


def robust_scorer(shift: Any, search: Any = None, *, box: ValueRange = _UNBOUNDED, limit: int | None = None, seed: int = 0) -> RobustScorer:
    """A scorer for `GridSearchCV(scoring=...)` and its kin: accuracy under a shift, an upper bound where a worst case is searched for.

    Args:
        shift: a spec such as "linf(eps=0.1)", or a part; its units are those of the rows that the estimator gets.
        search: likewise; where absent, the strongest that fits: estimators give no gradients, so it asks for scores or decisions.
        box: least and greatest legal value of every feature.
        limit: score on the first this many rows of each fold only.
        seed: every candidate meets the same draws.

    Returns:
        A callable (estimator, x, y) -> float in [0, 1], which can be pickled: `n_jobs` works.

    Cost: that of the search for every candidate and fold.

    Example:
        >>> from sklearn.datasets import load_breast_cancer
        >>> from sklearn.linear_model import LogisticRegression
        >>> from sklearn.model_selection import GridSearchCV
        >>> from sklearn.preprocessing import minmax_scale
        >>> x, y = load_breast_cancer(return_X_y=True)
        >>> scorer = robust_scorer("linf(eps=0.05)", "best_of_n(n=5)", box=(0, 1), limit=50)
        >>> found = GridSearchCV(LogisticRegression(), {"C": [0.01, 10]}, scoring=scorer, cv=2).fit(minmax_scale(x)[::4], y[::4])
        >>> bool(0 < found.best_score_ <= 1)
        True
    """
    if limit is not None and limit < 1:
        raise must("limit", "robust_scorer", "be at least 1", limit)
    return RobustScorer(shift, search, box, limit, seed)
