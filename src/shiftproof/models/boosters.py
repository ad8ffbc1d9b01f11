"""Models that are all but scikit-learn estimators: native boosters of LightGBM and XGBoost, and skorch's networks."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from shiftproof._errors import must
from shiftproof.models.estimator import Predicts


class _Network(Protocol):
    """What is used of skorch's classifiers."""

    classes_: Sequence[object]

    def predict(self, x: object, /) -> npt.NDArray[Any]: ...
    def predict_proba(self, x: object, /) -> npt.NDArray[Any]: ...


class BoosterEstimator:
    """A native booster with the methods of an estimator; its classes are the data's, in the order of their codes.

    Args:
        booster: a `lightgbm.Booster` or `xgboost.Booster` of a classification objective.
        features: the names of its columns; none where it was trained on a matrix.
        class_names: the data's classes; codes where they have none.
    """

    def __init__(self, booster: Any, features: Sequence[str], classes: int, class_names: Sequence[str]) -> None:
        self.booster = booster
        self.n_features_in_ = booster.num_feature() if "lightgbm" in type(booster).__module__ else int(booster.num_features())
        if features:
            self.feature_names_in_ = np.array(features, dtype=object)
        self.classes_ = np.array(class_names if len(class_names) == classes else range(classes))

    def get_params(self, deep: bool = True) -> dict[str, object]:
        """None: a booster is fitted already."""
        return {}

    def predict_proba(self, x: object, /) -> npt.NDArray[np.float64]:
        """Probabilities of shape (n, classes)."""
        said = np.asarray(_asked(self.booster, x), dtype=np.float64)
        return np.stack([1 - said, said], axis=1) if said.ndim == 1 else said

    def predict(self, x: object, /) -> npt.NDArray[Any]:
        """The class of largest probability, shape (n,)."""
        found: npt.NDArray[Any] = self.classes_[self.predict_proba(x).argmax(1)]
        return found


def _asked(booster: Any, x: object) -> object:
    if "lightgbm" in type(booster).__module__:
        return booster.predict(x)
    import xgboost

    return booster.predict(xgboost.DMatrix(x, enable_categorical=True))


class SkorchEstimator:
    """A classifier of skorch, handed single precision, which its networks compute in."""

    def __init__(self, network: _Network) -> None:
        self.network = network
        self.classes_ = np.asarray(network.classes_)

    def get_params(self, deep: bool = True) -> dict[str, object]:
        """None: it is fitted already."""
        return {}

    def predict_proba(self, x: object, /) -> npt.NDArray[np.float64]:
        """Probabilities of shape (n, classes)."""
        return np.asarray(self.network.predict_proba(np.asarray(x, dtype=np.float32)), dtype=np.float64)

    def predict(self, x: object, /) -> npt.NDArray[Any]:
        """Decisions, shape (n,)."""
        return np.asarray(self.network.predict(np.asarray(x, dtype=np.float32)))


def as_estimator(model: object, class_names: Sequence[str], *, name: str) -> Predicts | None:
    """A native booster or a skorch classifier as an estimator; None for anything else.

    Raises:
        UsageError: the booster was not trained for classification.
    """
    lightgbm, xgboost, skorch = (sys.modules.get(package) for package in ("lightgbm", "xgboost", "skorch"))
    if lightgbm is not None and isinstance(model, lightgbm.Booster):
        objective = str(model.dump_model(num_iteration=0)["objective"]).split(" ")
        _check_objective(objective[0], ("binary", "multiclass", "multiclassova", "cross_entropy"), name)
        names = model.feature_name()
        unnamed = names == [f"Column_{place}" for place in range(len(names))]
        per_round = model.num_model_per_iteration()
        return BoosterEstimator(model, () if unnamed else names, max(2, per_round), class_names)
    if xgboost is not None and isinstance(model, xgboost.Booster):
        settings = json.loads(model.save_config())["learner"]
        _check_objective(settings["objective"]["name"], ("binary:logistic", "multi:softprob"), name)
        return BoosterEstimator(model, model.feature_names or (), max(2, int(settings["learner_model_param"]["num_class"])), class_names)
    if skorch is not None and isinstance(model, skorch.NeuralNetClassifier):
        return SkorchEstimator(model)
    return None


def _check_objective(objective: str, known: Sequence[str], name: str) -> None:
    if objective not in known:
        raise must("objective", f"the booster '{name}'", f"be one of classes ({', '.join(known)})", objective)
