"""An estimator is measured by its `predict`, however that follows from its probabilities."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier, StackingClassifier, VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV, TunedThresholdClassifierCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from shiftproof import as_model
from shiftproof.models.abstract import Scores
from shiftproof.models.estimator import EstimatorLabels, EstimatorScores

Floats = npt.NDArray[np.float64]
WORDS = ("no", "yes")


@cache
def sample(n: int = 200) -> tuple[Floats, npt.NDArray[np.int64]]:
    rng = np.random.default_rng(0)
    x = rng.random((n, 3))
    return x, (x[:, 0] + 0.4 * rng.standard_normal(n) > 0.5).astype(np.int64)


@cache
def three() -> tuple[Floats, npt.NDArray[np.int64]]:
    x, y = sample()
    return x, y + (x[:, 1] > 0.7)


class Cautious(LogisticRegression):  # type: ignore[misc]
    """Somebody's own: says 1 from 0.2 on."""

    def predict(self, x: Floats) -> Any:
        return self.classes_[(self.predict_proba(x)[:, 1] > 0.2).astype(int)]


class Tempered(LogisticRegression):  # type: ignore[misc]
    """Somebody's own: its probabilities are turned round, its decisions are not."""

    def predict_proba(self, x: Floats) -> Any:
        return super().predict_proba(x)[:, ::-1]


class Late(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Decides against its probabilities beyond x = 0.9 only, where no few inputs need lie."""

    def __init__(self) -> None:
        self.classes_ = np.array([0, 1])

    def fit(self, x: Floats, y: Any) -> Late:
        return self

    def predict_proba(self, x: Floats) -> Floats:
        return np.stack([1 - x[:, 0], x[:, 0]], axis=1)

    def predict(self, x: Floats) -> npt.NDArray[np.int64]:
        return np.where(x[:, 0] > 0.9, 0, (x[:, 0] > 0.5).astype(int))


class Flat(Late):
    """The same probabilities for everyone."""

    def predict_proba(self, x: Floats) -> Floats:
        return np.tile([0.75, 0.25], (len(x), 1))


class Columned(Late):
    """Decides in a column, as CatBoost does where there are several classes."""

    def predict(self, x: Floats) -> npt.NDArray[np.int64]:
        return super().predict(x)[:, None]


def always(x: Floats) -> npt.NDArray[np.int64]:
    return np.ones(len(x), dtype=int)


def overridden() -> Any:
    model = LogisticRegression().fit(*sample())
    model.predict = always
    return model


def searched() -> Any:
    search = GridSearchCV(FixedThresholdClassifier(LogisticRegression()), {"threshold": [0.1]}, cv=2).fit(*sample())
    search.cv_results_ = {}  # masked arrays, which say nothing of the decision
    return search


def patched_names(threshold: float, **options: Any) -> Any:
    x, y = sample()
    return FixedThresholdClassifier(LogisticRegression(), threshold=threshold, **options).fit(x, np.array(WORDS)[y])


MAKERS: dict[str, Callable[[], Any]] = {
    "fixed": lambda: FixedThresholdClassifier(LogisticRegression(), threshold=0.2).fit(*sample()),
    "fixed for the first class": lambda: FixedThresholdClassifier(LogisticRegression(), threshold=0.8, pos_label=0).fit(*sample()),
    "fixed over words": lambda: patched_names(0.2, pos_label="no"),
    "fixed at 0": lambda: FixedThresholdClassifier(LogisticRegression(), threshold=0.0).fit(*sample()),
    "fixed at 1.5": lambda: FixedThresholdClassifier(LogisticRegression(), threshold=1.5).fit(*sample()),
    "fixed on the margin": lambda: FixedThresholdClassifier(LogisticRegression(), threshold=0.7, response_method="decision_function").fit(
        *sample()
    ),
    "tuned": lambda: TunedThresholdClassifierCV(LogisticRegression(class_weight={0: 9, 1: 1}), cv=2).fit(*sample()),
    "tuned in a pipeline": lambda: make_pipeline(
        StandardScaler(), TunedThresholdClassifierCV(GaussianNB(priors=[0.95, 0.05]), cv=2, scoring="f1")
    ).fit(*sample()),
    "pipeline in fixed": lambda: FixedThresholdClassifier(make_pipeline(StandardScaler(), GaussianNB()), threshold=0.9).fit(*sample()),
    "searched": searched,
    "frozen": lambda: FrozenEstimator(FixedThresholdClassifier(LogisticRegression(), threshold=0.2).fit(*sample())),
    "stacked": lambda: StackingClassifier([("a", GaussianNB())], FixedThresholdClassifier(LogisticRegression(), threshold=0.2), cv=2).fit(
        *sample()
    ),
    "svc": lambda: SVC(probability=True, C=0.01, random_state=0).fit(*three()),
    "one against the rest": lambda: OneVsRestClassifier(SVC(probability=True, C=0.01, random_state=0)).fit(*three()),
    "voting hard": lambda: VotingClassifier([("a", GaussianNB()), ("b", LogisticRegression())]).fit(*three()),
    "own predict": lambda: Cautious().fit(*sample()),
    "own probabilities": lambda: Tempered().fit(*sample()),
    "own, rarely": Late,
    "own predict put on the object": overridden,
    "forest": lambda: RandomForestClassifier(20, random_state=0).fit(*three()),
    "boosting": lambda: HistGradientBoostingClassifier(max_iter=10).fit(*three()),
    "calibrated": lambda: CalibratedClassifierCV(SVC(), cv=2, ensemble=False).fit(*sample()),
}


def decided(estimator: Any, x: Floats) -> list[int]:
    said = np.asarray(estimator.predict(x)).tolist()
    return [WORDS.index(word) for word in said] if isinstance(said[0], str) else said


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("probed", [False, True], ids=["unasked", "asked"])
@pytest.mark.parametrize("name", MAKERS)
def test_decisions_are_those_of_predict(name: str, probed: bool) -> None:
    estimator = MAKERS[name]()
    x = sample()[0]
    inputs = torch.from_numpy(x)
    names = WORDS if name == "fixed over words" else ()
    few = inputs[inputs[:, 0] < 0.9][:8]
    model = as_model(estimator, name="m", class_names=names, probe=few if probed else None)
    assert model.labels(inputs).tolist() == decided(estimator, x)
    if isinstance(model, Scores):
        scores = model.scores(inputs)
        assert bool(scores.isfinite().all())
        assert scores.argmax(1).tolist() == decided(estimator, x)


def test_thresholds_stay_scores_that_a_search_can_climb() -> None:
    fixed = as_model(MAKERS["fixed"](), name="m")
    assert isinstance(fixed, EstimatorScores)
    share = MAKERS["fixed"]().predict_proba(sample()[0])[:, 1]
    margin = fixed.scores(torch.from_numpy(sample()[0]))
    order = np.argsort((margin[:, 1] - margin[:, 0]).numpy(), kind="stable")
    assert bool((np.diff(share[order]) >= 0).all())
    assert fixed.notes == (
        "The model 'm' decides for '1' where its probability is at least 0.2: scores are log-probabilities less those of this threshold.",
    )


def test_at_the_threshold_itself_the_estimator_decides() -> None:
    wrapped = FixedThresholdClassifier(FrozenEstimator(Flat()), threshold=0.25).fit(*sample())
    model = as_model(wrapped, name="m")
    assert isinstance(model, EstimatorScores)
    assert model.labels(torch.zeros(5, 3, dtype=torch.float64)).tolist() == wrapped.predict(np.zeros((5, 3))).tolist() == [1] * 5


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_one_that_disagrees_on_the_inputs_tried_gives_labels() -> None:
    inputs = torch.from_numpy(sample()[0])
    model = as_model(MAKERS["own probabilities"](), name="m", probe=inputs)
    assert isinstance(model, EstimatorLabels)
    assert model.notes[0].startswith(
        "The model 'm' is measured by its `predict` alone: on 100.0% of the inputs tried it is not the class of"
    )
    assert isinstance(as_model(MAKERS["forest"](), name="m", probe=inputs), EstimatorScores)
    assert isinstance(as_model(MAKERS["forest"](), name="m", probe=inputs, gives="labels"), EstimatorLabels)


def test_decisions_in_one_column_are_read() -> None:
    assert as_model(Columned(), name="m", gives="labels").labels(torch.tensor([[0.2], [0.7], [0.95]]).double()).tolist() == [0, 1, 0]
