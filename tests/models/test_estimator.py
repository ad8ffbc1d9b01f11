"""Estimators: their columns, their classes, their probabilities, and that they stay as they are."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from functools import cache

import joblib
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import torch
from sklearn.base import BaseEstimator
from sklearn.cluster import KMeans
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

from shiftproof import InputSpace, UsageError, as_model
from shiftproof._identity.table import identify
from shiftproof.data.space import Column
from shiftproof.models.abstract import Gradients, Labels, Scores
from shiftproof.models.class_codes import match_classes
from shiftproof.models.decision import FLOOR
from shiftproof.models.estimator_input import plan_input_format

Floats = npt.NDArray[np.float64]
COLUMNS = (
    Column("age", "integer", 18, 90),
    Column("wage", "real", 0.0, 9.5),
    Column("job", "categorical", 0, 2, ("cook", "nurse", "smith")),
    Column("member", "categorical", 0, 1, ("False", "True")),
    Column("zone", "categorical", 0, 2, ("2", "10", "30")),
)
TABLE = InputSpace(kind="table", units="each column's range", columns=COLUMNS)


@cache
def points(n: int = 120) -> tuple[Floats, npt.NDArray[np.int64]]:
    rng = np.random.default_rng(0)
    x = rng.random((n, 5))
    return x, (x[:, 0] + x[:, 1] > 1).astype(np.int64) + (x[:, 2] > 0.8)


@cache
def forest() -> RandomForestClassifier:
    return RandomForestClassifier(20, random_state=0).fit(*points())


def coded(n: int = 60) -> torch.Tensor:
    rng = np.random.default_rng(1)
    rows = [rng.integers(18, 91, n), rng.random(n) * 9.5, rng.integers(0, 3, n), rng.integers(0, 2, n), rng.integers(0, 3, n)]
    return torch.from_numpy(np.stack(rows, axis=1).astype(np.float64))


def frame(x: torch.Tensor) -> pd.DataFrame:
    """What pandas reads from the file that those codes come from."""
    return pd.DataFrame(
        {
            "age": x[:, 0].numpy().astype(np.int64),
            "wage": x[:, 1].numpy(),
            "job": np.array(["cook", "nurse", "smith"], dtype=object)[x[:, 2].long()],
            "member": x[:, 3].numpy() == 1,
            "zone": np.array([2, 10, 30])[x[:, 4].long()],
        }
    )


def test_a_forest_gives_log_probabilities() -> None:
    x = torch.from_numpy(points()[0])
    model = as_model(forest())
    assert isinstance(model, Scores)
    assert not isinstance(model, Gradients)
    said = forest().predict_proba(points()[0])
    scores = model.scores(x)
    assert torch.allclose(scores.exp(), torch.from_numpy(said), atol=1e-12)
    assert bool((scores[torch.from_numpy(said) == 0] == np.log(FLOOR)).all())
    assert (model.labels(x).numpy() == forest().predict(points()[0])).all()
    assert model.name == "RandomForestClassifier"


def test_without_probabilities_it_gives_labels() -> None:
    x, y = points()
    model = as_model(LinearSVC().fit(x, y))
    assert not isinstance(model, Scores)
    assert (model.labels(torch.from_numpy(x)).numpy() == LinearSVC().fit(x, y).predict(x)).all()
    assert model.labels(torch.zeros(0, 5)).shape == (0,)
    assert as_model(forest()).labels(torch.zeros(0, 5)).shape == (0,)


@pytest.mark.parametrize("size", [1, 7, 100])
def test_rows_are_the_same_bits_in_any_batch(size: int) -> None:
    x, y = points()
    model = as_model(MLPClassifier((16,), max_iter=300, tol=0.01, random_state=0).fit(x, y))
    assert isinstance(model, Scores)
    rows = torch.from_numpy(x)
    parts = torch.cat([model.scores(part) for part in torch.split(rows, size)])
    assert torch.equal(parts, model.scores(rows))


def test_images_are_flattened() -> None:
    x, _ = points()
    images = torch.from_numpy(x).reshape(-1, 1, 5, 1)
    assert torch.equal(as_model(forest()).labels(images), as_model(forest()).labels(torch.from_numpy(x)))


def test_the_estimator_stays_as_it_is() -> None:
    model, before = as_model(forest()), joblib.hash(forest())
    model.labels(torch.from_numpy(points()[0]))
    assert joblib.hash(forest()) == before


def test_a_frame_is_rebuilt_as_the_file_gives_it() -> None:
    x = coded()
    input_format = plan_input_format(LogisticRegression().fit(frame(x)[["age"]], np.arange(60) % 2), TABLE, name="m")
    assert input_format(x).columns.tolist() == ["age"]  # type: ignore[union-attr]
    whole = plan_input_format(RandomForestClassifier(2).fit(frame(x).drop(columns="job"), np.arange(60) % 2), TABLE, name="m")(x)
    assert isinstance(whole, pd.DataFrame)
    pd.testing.assert_frame_equal(whole, frame(x).drop(columns="job"))


def test_a_pipeline_on_a_frame_decides_as_it_does_on_the_file() -> None:
    x = coded()
    y = np.array(["low", "high"])[(x[:, 1] > 4).long()]
    encode = make_column_transformer((OneHotEncoder(), ["job", "member", "zone"]), remainder=StandardScaler())
    table = frame(x)[["zone", "job", "wage", "age", "member"]]  # another order
    pipeline = make_pipeline(encode, LogisticRegression(max_iter=500)).fit(table, y)
    model = as_model(pipeline, name="pipe", space=TABLE, class_names=("high", "low"), probe=x)
    expected = (pipeline.predict(table) == "low").astype(int)
    assert (model.labels(x).numpy() == expected).all()
    assert 0 < expected.mean() < 1
    assert any("categories of 'zone' are numbers" in note for note in model.notes)


def test_missing_columns_are_named() -> None:
    x = frame(coded()).rename(columns={"wage": "wages", "age": "years"})[["wages", "years"]]
    with pytest.raises(
        UsageError, match=r"Unknown column 'wages'. Did you mean: wage, age\? .*trained on 2 columns, and 2 .*'wages', 'years'"
    ):
        as_model(RandomForestClassifier(2).fit(x, np.arange(60) % 2), name="m", space=TABLE)


def test_unused_columns_are_noted() -> None:
    x = frame(coded())[["wage", "age"]]
    model = as_model(RandomForestClassifier(2).fit(x, np.arange(60) % 2), name="m", space=TABLE)
    assert model.notes == ("The model 'm' does not use the columns 'job', 'member', 'zone'.",)


def test_a_frame_model_on_data_without_names_takes_them_in_order() -> None:
    x = coded()
    trained = RandomForestClassifier(5, random_state=0).fit(pd.DataFrame(x.numpy(), columns=list("abcde")), np.arange(60) % 2)
    model = as_model(trained, name="m")
    assert (model.labels(x).numpy() == trained.predict(pd.DataFrame(x.numpy(), columns=list("abcde")))).all()
    assert "gets them as its own columns ('a', 'b', 'c', 'd', 'e') in that order" in model.notes[0]


def fitted_on(count: int) -> RandomForestClassifier:
    rng = np.random.default_rng(2)
    return RandomForestClassifier(2, random_state=0).fit(rng.random((30, count)), np.arange(30) % 2)


def test_a_matrix_of_all_columns_needs_no_reading() -> None:
    model = as_model(fitted_on(5), name="m", space=TABLE)
    assert model.notes == (
        "The model 'm' was trained without column names: it gets 'job', 'member', 'zone' as codes 0, 1, 2, ... of their sorted categories.",
    )


def test_the_one_reading_that_fits_is_taken_and_told() -> None:
    model = as_model(fitted_on(2), name="m", space=TABLE)
    assert model.notes == (
        "The model 'm' takes 2 features: the columns 'job', 'member', 'zone' are left out: no other choice of columns fits.",
    )
    assert model.labels(coded()).shape == (60,)
    without_group = as_model(fitted_on(4), name="m", space=TABLE, groups=("age",))
    assert "the columns 'age' are left out" in without_group.notes[0]
    assert plan_input_format(fitted_on(4), TABLE, name="m", groups=("age",))(coded()).shape == (60, 4)


def test_two_readings_that_fit_are_refused() -> None:
    with pytest.raises(UsageError, match=r"trained on 2 features without names, which may be \('.*\) or \(.*\). Train it on a data frame"):
        as_model(fitted_on(2), name="m", space=TABLE, groups=("age", "wage", "zone"))


def test_no_reading_that_fits_is_refused() -> None:
    with pytest.raises(UsageError, match="The model 'm' was trained on 7 features, and the data have 5 columns. Train it on a data frame"):
        as_model(fitted_on(7), name="m", space=TABLE)


def test_wrong_width_shows_the_estimators_own_words() -> None:
    with pytest.raises(UsageError, match=r"The model 'm' refuses inputs of shape \(4, 3\): ValueError: X has 3 features, but"):
        as_model(forest(), name="m", probe=torch.rand(4, 3))


@pytest.mark.parametrize("dtype", [np.str_, np.object_])
def test_words_find_their_labels_in_any_order(dtype: type[np.generic]) -> None:
    x, y = points()
    words = np.array(["no", "yes", "perhaps"], dtype=dtype)
    model = as_model(RandomForestClassifier(20, random_state=0).fit(x, words[y]), class_names=("yes", "no", "perhaps"))
    truth = np.array([1, 0, 2])[y]
    assert (model.labels(torch.from_numpy(x)).numpy() == truth).mean() > 0.95
    decides = as_model(LinearSVC().fit(x, words[y]), class_names=("yes", "no", "perhaps"))
    assert (decides.labels(torch.from_numpy(x)).numpy() == truth).mean() > 0.7


@pytest.mark.parametrize(
    ("classes", "names", "codes", "count"),
    [
        ([0, 1, 2], (), (0, 1, 2), 3),
        ([2.0, 0.0], (), (2, 0), 3),
        ([False, True], (), (0, 1), 2),
        ([False, True], ("False", "True"), (0, 1), 2),
        (["b", "a"], ("a", "b"), (1, 0), 2),
        ([5, 7], ("7", "5"), (1, 0), 2),
        ([1.0, 2.0], ("1", "2"), (0, 1), 2),
        ([0, 1], ("cat", "dog"), (0, 1), 2),
        (["a", "c"], ("a", "b", "c"), (0, 2), 3),
        (["a", "b", "z"], ("b", "a"), (1, 0, 2), 3),
    ],
)
def test_classes_become_codes(classes: list[object], names: tuple[str, ...], codes: tuple[int, ...], count: int) -> None:
    found = match_classes(classes, names, name="m")
    assert (found.codes, found.count) == (codes, count)
    assert found.code_of(np.array(classes, dtype=object)).tolist() == list(codes)


def test_classes_that_only_one_side_knows_are_noted() -> None:
    assert match_classes(["a", "c"], ("a", "b", "c"), name="m").notes == (
        "The model 'm' never says the data's classes b: it is wrong on all their examples.",
    )
    assert match_classes(["a", "b", "z"], ("a", "b"), name="m").notes == ("The data have no example of the model's classes z.",)
    assert "taken as indices into the data's classes (cat, dog)" in match_classes([0, 1], ("cat", "dog"), name="m").notes[0]


def test_a_class_that_the_model_never_says_has_no_probability() -> None:
    x, y = points()
    model = as_model(RandomForestClassifier(5).fit(x[y < 2], np.array(["a", "c"])[y[y < 2]]), class_names=("a", "b", "c"))
    assert isinstance(model, Scores)
    assert bool((model.scores(torch.from_numpy(x))[:, 1] == np.log(FLOOR)).all())


@pytest.mark.parametrize(
    ("classes", "names", "message"),
    [
        (["spam", "ham"], (), r"The 'classes' of the model 'm' must be among the data's \(whole numbers 0, 1, 2, ...\), got 'spam, ham'"),
        ([-1, 1], (), r"must be among the data's .*got '-1, 1'. Train it on the data's labels"),
        (["Yes", "no"], ("yes", "no"), "the data lack Yes, and the model lacks yes"),
        ([0, 5], ("cat", "dog"), "must be below 2, or among cat, dog, got '0, 5'"),
    ],
)
def test_classes_of_other_data_are_refused(classes: list[object], names: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        match_classes(classes, names, name="m")


def test_what_is_no_fitted_classifier_is_refused() -> None:
    x, y = points()
    with pytest.raises(UsageError, match=r"The model 'm' is not fitted: call its fit\(x, y\) first"):
        as_model(RandomForestClassifier(), name="m")
    for other in (LinearRegression().fit(x, y), KMeans(2, n_init=1).fit(x)):
        with pytest.raises(UsageError, match="The 'model' of this run must be a classifier, got"):
            as_model(other)
    with pytest.raises(UsageError, match="must be one list of classes, got '2 lists'. Estimators with several outputs"):
        as_model(RandomForestClassifier(2).fit(x, np.stack([y, y], axis=1)))


class Odd(BaseEstimator):  # type: ignore[misc]
    """A classifier that decides against its own probabilities, and answers with as many rows and columns as it is told."""

    _estimator_type = "classifier"

    def __init__(self, rows: int | None = None, columns: int = 2) -> None:
        self.rows, self.columns = rows, columns
        self.classes_ = np.array([0, 1])

    def __sklearn_tags__(self) -> object:
        tags = super().__sklearn_tags__()
        tags.estimator_type = "classifier"
        return tags

    def predict(self, x: Floats) -> npt.NDArray[np.int64]:
        return np.zeros(self.rows or len(x), dtype=np.int64)

    def predict_proba(self, x: Floats) -> Floats:
        return np.tile(np.linspace(0.2, 0.8, self.columns), (self.rows or len(x), 1))


def test_a_decision_against_the_probabilities_is_told() -> None:
    model = as_model(Odd(), name="odd", probe=torch.rand(4, 2))
    said = "on 100.0% of the inputs tried it is not the class of largest probability"
    assert model.notes == (f"The model 'odd' is measured by its `predict` alone: {said}.",)
    assert not isinstance(model, Scores)
    assert model.labels(torch.rand(4, 2)).tolist() == [0] * 4
    assert as_model(forest(), probe=torch.from_numpy(points()[0])).notes == ()


def test_answers_of_the_wrong_shape_are_told() -> None:
    with pytest.raises(UsageError, match=r"'predict_proba' of the model 'odd' must answer with one row per input \(256\), got \(3, 2\)"):
        as_model(Odd(rows=3), name="odd").labels(torch.rand(4, 2))
    with pytest.raises(UsageError, match=r"'predict_proba' of the model 'odd' must give one column per class \(2\), got \(4, 3\)"):
        as_model(Odd(columns=3), name="odd").labels(torch.rand(4, 2))


def test_the_fingerprint_follows_the_fit() -> None:
    x, y = points()
    base = as_model(forest()).fingerprint()
    assert as_model(RandomForestClassifier(20, random_state=0).fit(x, y)).fingerprint() == base
    assert as_model(RandomForestClassifier(20, random_state=1).fit(x, y)).fingerprint() != base
    assert as_model(forest(), class_names=("2", "1", "0")).fingerprint() != base


def test_the_fingerprint_is_that_of_another_process() -> None:
    code = (
        "import numpy as np, sys, joblib\n"
        "from shiftproof._identity.table import identify\n"
        "from sklearn.ensemble import RandomForestClassifier\n"
        "x = np.random.default_rng(0).random((50, 3))\n"
        "print(identify(RandomForestClassifier(3, random_state=0).fit(x, x[:, 0] > 0.5)).digest, end='')"
    )
    x = np.random.default_rng(0).random((50, 3))
    here = identify(RandomForestClassifier(3, random_state=0).fit(x, x[:, 0] > 0.5)).digest
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == here


def test_functions_inside_an_estimator_count_by_their_code() -> None:
    x, y = points()

    def fingerprint(change: Callable[[Floats], Floats]) -> str:
        return as_model(make_pipeline(FunctionTransformer(change), LogisticRegression()).fit(x, y), name="m").fingerprint()

    assert fingerprint(lambda v: v) == fingerprint(lambda v: v)
    assert fingerprint(lambda v: v) != fingerprint(lambda v: v + 0)


def test_models_can_be_pickled() -> None:
    x = torch.from_numpy(points()[0])
    for model in (as_model(forest()), as_model(LinearSVC().fit(*points()))):
        again: Labels = pickle.loads(pickle.dumps(model))
        assert torch.equal(again.labels(x), model.labels(x))
        assert again.fingerprint() == model.fingerprint()
