"""How an estimator decides: by its largest probability, by a threshold, or in a way that only its `predict` knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from shiftproof._arrays import Floats

FLOOR = 1e-30
"""Least probability: its logarithm (-69) stands for that of zero, so that scores stay finite."""
_PACKAGES = ("lightgbm", "xgboost", "shiftproof")
"""Packages whose classifiers decide by the largest probability."""
_LARGEST = frozenset(
    {
        "AdaBoostClassifier",
        "BaggingClassifier",
        "BernoulliNB",
        "CalibratedClassifierCV",
        "CategoricalNB",
        "ComplementNB",
        "DecisionTreeClassifier",
        "ExtraTreeClassifier",
        "ExtraTreesClassifier",
        "GaussianNB",
        "GradientBoostingClassifier",
        "HistGradientBoostingClassifier",
        "KNeighborsClassifier",
        "LinearDiscriminantAnalysis",
        "LogisticRegression",
        "LogisticRegressionCV",
        "MLPClassifier",
        "MultinomialNB",
        "QuadraticDiscriminantAnalysis",
        "RandomForestClassifier",
    }
)
"""Estimators of scikit-learn that do so too. Some others do not (`SVC`, `NearestCentroid`): each of them is asked for its `predict`."""
_INNER = ("best_estimator_", "final_estimator_", "estimator_", "estimator")
"""Where wrappers keep the estimator that decides for them, the fitted one first."""
_WRAPPERS = frozenset(
    {
        "GridSearchCV",
        "RandomizedSearchCV",
        "HalvingGridSearchCV",
        "HalvingRandomSearchCV",
        "StackingClassifier",
        "SelfTrainingClassifier",
        "FrozenEstimator",
        "RFE",
        "RFECV",
    }
)
Rule = Literal["largest", "unknown"]


@dataclass(frozen=True)
class Threshold:
    """Decides for one of two classes where its probability is at least `value`.

    Args:
        positive: which of the estimator's classes, 0 or 1.
        value: the threshold, in [0, 1] or beyond where it always or never decides so.
    """

    positive: int
    value: float

    def scores(self, probabilities: Floats) -> Floats:
        """Log-probabilities less those of the threshold, shape (n, 2): the larger one is what is decided, at the threshold too."""
        share = probabilities[:, self.positive]
        found = np.empty_like(probabilities)
        found[:, self.positive] = _log(share) - _log(self.value)
        found[:, 1 - self.positive] = _log(1 - share) - _log(1 - self.value)
        return agreeing(found, np.where(share >= self.value, self.positive, 1 - self.positive))


def _log(values: float | Floats) -> Floats:
    logarithm: Floats = np.log(np.maximum(values, FLOOR))
    return logarithm


def log_probabilities(probabilities: Floats) -> Floats:
    """Scores of probabilities, finite."""
    return _log(probabilities)


def agreeing(scores: Floats, decided: npt.NDArray[np.int64]) -> Floats:
    """The scores with that of the decided class above the others where it was not already, shape (n, classes)."""
    wrong = np.flatnonzero(scores.argmax(1) != decided)
    scores[wrong, decided[wrong]] = np.nextafter(scores[wrong].max(1), np.inf)
    return scores


def rule_of(estimator: object) -> Rule | Threshold:
    """How an estimator's `predict` follows from its probabilities, as far as its type says it."""
    deciding = _deciding(estimator)
    if deciding is None:
        return "unknown"
    if _name(deciding) in ("FixedThresholdClassifier", "TunedThresholdClassifierCV"):
        return _threshold(deciding) or "unknown"
    return "largest" if _is_of_packages(deciding) or _name(deciding) in _LARGEST else "unknown"


def _name(estimator: object) -> str:
    kind = type(estimator)
    return kind.__name__ if str(kind.__module__).partition(".")[0] == "sklearn" else ""


def _deciding(estimator: object) -> object | None:
    """The estimator behind pipelines and searches, whose `predict` is theirs; None where somebody gave one of them methods of its own."""
    while not {"predict", "predict_proba"} & set(getattr(estimator, "__dict__", {})):
        steps = getattr(estimator, "steps", None)
        if _name(estimator) == "Pipeline" and steps:
            estimator = steps[-1][1]
        elif _name(estimator) in _WRAPPERS:
            estimator = next(vars(estimator)[name] for name in _INNER if name in vars(estimator))
        else:
            return estimator
    return None


def _is_of_packages(estimator: object) -> bool:
    """Whether it is of a package that decides by the largest probability."""
    return str(type(estimator).__module__).partition(".")[0] in _PACKAGES


def _threshold(estimator: object) -> Threshold | None:
    """The threshold of one of scikit-learn's wrappers; None where it is not on a probability, or cannot be read."""
    settings = vars(estimator)
    inner = settings.get("estimator_", settings["estimator"])
    if settings["response_method"] not in ("auto", "predict_proba") or getattr(inner, "predict_proba", None) is None:
        return None
    value, positive = settings.get("best_threshold_"), settings.get("pos_label")
    if value is None:
        value = 0.5 if settings["threshold"] == "auto" else settings["threshold"]
    else:
        named = getattr(settings.get("_curve_scorer"), "_get_pos_label", None)
        if named is None:
            return None
        positive = named()
    classes = list(getattr(estimator, "classes_", ()))
    if len(classes) != 2:
        return None
    return Threshold(1 if positive is None else classes.index(positive), float(value))
