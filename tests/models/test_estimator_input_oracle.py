"""An estimator is handed the very frame that pandas reads from the file: values, types, missing ones; its accuracy is its own score."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from shiftproof import UsageError, as_model, load_data
from shiftproof.data.source import Source
from shiftproof.models.estimator import EstimatorLabels, EstimatorScores
from shiftproof.shifts.tabular.tabular import Tabular

Frame: TypeAlias = pd.DataFrame
COLUMNS = [" age", " workclass", " fnlwgt", " zip", " member", " capital gain", " since", " income"]
WORDS = [" workclass", " member", " since"]


@cache
def lines(n: int = 160, *, gaps: bool = False, dotted: bool = False, seed: int = 0) -> str:
    """A file as UCI writes Adult: a space after each comma, ? for what is unknown, and a dot after the labels of the test file."""
    rng = np.random.default_rng(seed)
    work, age = rng.choice(["Private", "State-gov", "?", "Self"], n), rng.integers(17, 90, n)
    gain = np.round(rng.random(n) * 99999, 2)
    rich = (gain > 60000) ^ (work == "State-gov")
    cells = [
        age.astype(str),
        work,
        rng.integers(2**24, 2**31, n).astype(str),
        rng.choice(["01234", "2345", "90210"], n),
        rng.choice(["yes", "no"], n),
        gain.astype(str),
        rng.choice(["2020-01-01", "1999-12-31"], n),
        np.where(rich, ">50K", "<=50K").astype(object) + ("." if dotted else ""),
    ]
    if gaps:
        for column in (0, 1, 4):
            cells[column] = np.where(rng.random(n) < 0.1, "", cells[column].astype(object))
    rows = [", ".join(str(cell) for cell in row) for row in zip(*cells, strict=True)]
    return "\n".join([",".join(COLUMNS), *rows]) + "\n"


def features(frame: Frame) -> Frame:
    return frame.drop(columns=" income")


def as_categories(frame: Frame) -> Frame:
    return features(frame).assign(**{name: frame[name].astype("category") for name in WORDS})


def one_hot(*, dense: bool = False) -> Any:
    encode = OneHotEncoder(handle_unknown="ignore", sparse_output=not dense)
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    return make_column_transformer((encode, WORDS), (numbers, [" age", " capital gain"]))


def ordinal() -> Any:
    encode = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    return make_column_transformer((encode, make_column_selector(dtype_exclude="number")), remainder="passthrough")


def boosted(name: str) -> Any:
    module = pytest.importorskip(name)
    if name == "lightgbm":
        return module.LGBMClassifier(n_estimators=15, verbose=-1, min_child_samples=3)
    return module.XGBClassifier(n_estimators=15, enable_categorical=True)


ESTIMATORS: dict[str, tuple[Callable[[], Any], Callable[[Frame], Frame]]] = {
    "linear": (lambda: make_pipeline(one_hot(), LogisticRegression(max_iter=300)), features),
    "tree": (lambda: make_pipeline(one_hot(), DecisionTreeClassifier(random_state=0)), features),
    "forest": (lambda: make_pipeline(ordinal(), SimpleImputer(), RandomForestClassifier(20, random_state=0)), features),
    "boosting of codes": (lambda: make_pipeline(ordinal(), HistGradientBoostingClassifier(max_iter=15, random_state=0)), features),
    "boosting by type": (lambda: HistGradientBoostingClassifier(max_iter=15, random_state=0), as_categories),
    "vectors": (lambda: make_pipeline(one_hot(), SVC()), features),
    "lightgbm": (lambda: boosted("lightgbm"), as_categories),
    "xgboost": (lambda: boosted("xgboost"), as_categories),
}


def same_frame(model: EstimatorScores | EstimatorLabels, source: Source, truth: Frame) -> None:
    fed = model.fitted.input_format(source.take(slice(None)).x)
    assert isinstance(fed, pd.DataFrame)
    theirs = truth if not set(fed.columns) <= set(truth.columns) else truth[list(fed.columns)]
    pd.testing.assert_frame_equal(fed, theirs.set_axis(fed.columns, axis=1), check_exact=True)


def measured(estimator: Any, source: Source) -> tuple[EstimatorScores | EstimatorLabels, float]:
    batch = source.take(slice(None))
    model = as_model(estimator, name="m", space=source.space, class_names=source.class_names, probe=batch.x[:16])
    assert isinstance(model, EstimatorScores | EstimatorLabels)
    return model, float((model.labels(batch.x) == batch.y).double().mean())


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("gaps", [False, True], ids=["whole", "with gaps"])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_accuracy_is_the_pipelines_own_score(name: str, kind: str, gaps: bool, tmp_path: Path) -> None:
    frames = {}
    for part, dotted in (("train", False), ("test", True)):
        path = tmp_path / f"{part}.csv"
        path.write_text(lines(gaps=gaps, dotted=dotted, seed=int(dotted)))
        frames[part] = pd.read_csv(path)
        if kind == "parquet":
            frames[part].to_parquet(tmp_path / f"{part}.parquet")
            frames[part] = pd.read_parquet(tmp_path / f"{part}.parquet")
    make, taking = ESTIMATORS[name]
    rich = {part: frame[" income"].str.rstrip(".") for part, frame in frames.items()}
    numbered = name == "xgboost"
    y = {part: (labels == " >50K").astype(int) if numbered else labels for part, labels in rich.items()}
    estimator = make().fit(taking(frames["train"]), y["train"])
    query = "&as_category=workclass,member,since" if taking is as_categories else ""
    source = load_data(f"{kind}:{tmp_path / 'test'}.{kind}?label=income&rename=<=50K.:<=50K,>50K.:>50K{query}")
    model, ours = measured(estimator, source)
    assert ours == estimator.score(taking(frames["test"]), y["test"])
    assert ours > 0.5
    same_frame(model, source, taking(frames["test"]))


TYPES: dict[str, Any] = {
    "words like numbers": ["1", "2", "1", "10"],
    "words like floats": ["1.0", "2.50", "1e3", "1.0"],
    "zip codes": ["01234", "1234", "00001", "01234"],
    "words like truth": ["True", "False", "True", "True"],
    "yes and no": ["yes", "no", "no", "yes"],
    "truth": [True, False, True, True],
    "truth, nullable": pd.array([True, None, False, True], dtype="boolean"),
    "truth, objects": pd.Series([True, None, False, True], dtype=object),
    "category": pd.Categorical(["low", "high", "mid", "low"], categories=["low", "mid", "high", "never"]),
    "category, ordered": pd.Categorical(["b", "a", None, "a"], categories=["b", "a"], ordered=True),
    "category of numbers": pd.Categorical([3, 1, 2, 3], categories=[3, 2, 1]),
    "int8": np.array([1, -2, 3, 4], dtype=np.int8),
    "uint32": np.array([1, 2**32 - 1, 3, 4], dtype=np.uint32),
    "int64": np.array([2**53, 2**40 + 1, 3, -(2**53)]),
    "Int64": pd.array([1, None, 3, 2**50 + 1], dtype="Int64"),
    "float32": np.array([0.1, 0.2, 0.3, 1e-30], dtype=np.float32),
    "float64": np.array([0.1, np.pi, 1 / 3, 1e300]),
    "Float64": pd.array([0.1, None, 1 / 3, 2.0], dtype="Float64"),
    "floats with gaps": [0.1, np.nan, 1 / 3, 2.0],
    "string": pd.array(["a", None, " b", "a "], dtype="string"),
    "words with spaces": [" a", "a", " a", "b "],
    "words, empty ones too": ["", "a", " ", "a"],
    "dates as words": ["2020-01-01", "2021-01-01", "2020-01-01", "2021-01-01"],
}


class Looks(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Takes any frame and decides for 0."""

    def fit(self, frame: Frame, y: Any) -> Looks:
        self.feature_names_in_ = np.array(frame.columns, dtype=object)
        self.n_features_in_, self.classes_ = frame.shape[1], np.array([0, 1])
        return self

    def predict(self, frame: Frame) -> npt.NDArray[np.int64]:
        return np.zeros(len(frame), dtype=np.int64)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("name", TYPES)
def test_every_type_comes_back(name: str, kind: str, tmp_path: Path) -> None:
    table = Frame({"z": [0.5, 1.5, 2.5, 3.5], "c": TYPES[name], "y": [0, 1, 0, 1]})
    path = tmp_path / f"t.{kind}"
    table.to_csv(path, index=False) if kind == "csv" else table.to_parquet(path)
    read = (pd.read_csv(path) if kind == "csv" else pd.read_parquet(path))[["c", "z"]]
    query = "&categorical=c" if kind == "csv" and name in ("category of numbers", "words like floats") else ""
    source = load_data(f"{kind}:{path}?label=y{query}")
    model, _ = measured(Looks().fit(read, table.y), source)
    same_frame(model, source, read)


def test_columns_in_another_order_and_pandas_own_index(tmp_path: Path) -> None:
    table = Frame({"b": [1, 2, 3], "a": ["u", "v", "u"], "y": [0, 1, 0]}, index=pd.Index(["p", "q", "r"], name="who"))
    table.to_parquet(tmp_path / "t.parquet")
    source = load_data(f"parquet:{tmp_path / 't.parquet'}?label=y&id=who")
    assert (source.ids.tolist(), [c.name for c in source.space.columns]) == (["p", "q", "r"], ["b", "a"])
    model, _ = measured(Looks().fit(table[["a", "b"]], table.y), source)
    same_frame(model, source, table[["a", "b"]].reset_index(drop=True))


def test_a_matrix_of_words_is_a_matrix_of_words(tmp_path: Path) -> None:
    table = Frame({"w": [" a", " b"] * 20, "n": range(40), "y": [0, 1] * 20})
    table.to_csv(tmp_path / "t.csv", index=False)
    encode = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), [0]), remainder="drop")
    fitted = make_pipeline(encode, DecisionTreeClassifier()).fit(table[["w", "n"]].to_numpy(), table.y)
    model, ours = measured(fitted, load_data(f"csv:{tmp_path / 't.csv'}?label=y"))
    assert ours == 1.0
    assert any("text as text" in note for note in model.notes)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_boosters_that_name_columns_their_own_way(tmp_path: Path) -> None:
    table = Frame({"age now": [1.0, 2.0, 3.0, 4.0] * 10, "b": [1, 2] * 20, "y": [0, 0, 1, 1] * 10})
    table.to_csv(tmp_path / "t.csv", index=False)
    source, x = load_data(f"csv:{tmp_path / 't.csv'}?label=y"), table[["age now", "b"]]
    assert measured(boosted("lightgbm").fit(x, table.y), source)[1] == 1.0
    assert measured(boosted("lightgbm").fit(x.to_numpy(), table.y), source)[1] == 1.0


class CatBoostLike(Looks):
    """What CatBoost says of itself: its own word for the columns' names, and none where it was trained on a matrix."""

    def fit(self, frame: Frame, y: Any) -> CatBoostLike:
        self.feature_names_ = [str(name) for name in frame.columns]
        self.classes_ = np.array([0, 1])
        return self

    def predict(self, frame: Frame) -> npt.NDArray[np.int64]:
        return np.where(frame["w"] == " b", 1, 0)[:, None]


def test_catboost_is_handed_its_frame(tmp_path: Path) -> None:
    table = Frame({"n": range(40), "w": [" a", " b"] * 20, "y": [0, 1] * 20})
    table.to_csv(tmp_path / "t.csv", index=False)
    source = load_data(f"csv:{tmp_path / 't.csv'}?label=y")
    model, ours = measured(CatBoostLike().fit(table[["w", "n"]], table.y), source)
    assert ours == 1.0
    same_frame(model, source, table[["w", "n"]])


class Picks(BaseEstimator):  # type: ignore[misc]
    """Somebody's own first step, which keeps no names of columns."""

    def fit(self, frame: Frame, y: Any = None) -> Picks:
        return self

    def transform(self, frame: Frame) -> Any:
        return (frame["w"] == " b").to_numpy()[:, None].astype(float)


class Around(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Somebody's own wrapper, which says nothing of what is inside it."""

    def fit(self, frame: Frame, y: Any) -> Around:
        self.inner_ = make_pipeline(make_column_transformer((OneHotEncoder(), ["w"])), DecisionTreeClassifier()).fit(frame, y)
        self.classes_ = self.inner_.classes_
        return self

    def predict(self, frame: Frame) -> Any:
        return self.inner_.predict(frame)


def test_estimators_that_do_not_say_their_columns_are_handed_the_frame(tmp_path: Path) -> None:
    table = Frame({"n": range(40), "w": [" a", " b"] * 20, "y": [0, 1] * 20})
    table.to_csv(tmp_path / "t.csv", index=False)
    source = load_data(f"csv:{tmp_path / 't.csv'}?label=y")
    assert measured(make_pipeline(Picks(), DecisionTreeClassifier()).fit(table[["w", "n"]], table.y), source)[1] == 1.0
    assert measured(Around().fit(table[["w", "n"]], table.y), source)[1] == 1.0


def test_categories_that_were_asked_for_are_hinted_at(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(lines())
    fitted = boosted("lightgbm").fit(as_categories(pd.read_csv(path)), pd.read_csv(path)[" income"])
    with pytest.raises(
        UsageError, match=r"refuses inputs.*trained on pandas categories, add as_category=workclass,member,since to the data"
    ):
        measured(fitted, load_data(f"csv:{path}?label=income"))


@pytest.mark.parametrize(
    ("text", "query", "message"),
    [
        ("a,y\n1,0\n2,1\nx,0\n3,1\n", "", "The column 'a' of .* holds numbers, but 'x' in row 2 .1 such..*missing=x.*categorical=a"),
        ("a,y\n1.5,0\n2,1\n?,0\n3,1\n?,1\n", "", "holds numbers, but '.' in row 2 .2 such..*add missing=.;"),
        ("a;y\n1,5;0\n2,25;1\n3,1;0\n", "sep=;", "holds numbers with commas, such as '1,5' in row 0. .*add decimal=,.*categorical=a"),
        ('a,y\n"1,234",0\n"2,500",1\n', "", "holds numbers with commas, such as '1,234' in row 0"),
        ("a;y\n1.000,5;0\n2.000,25;1\n", "sep=;", "holds numbers with commas, such as '1.000,5' in row 0"),
        ("a,y\n1,0\n2,1\n3,O\n4,1\n", "", "The column 'y' of .* holds numbers, but 'O' in row 2"),
        ("a,y\n,0\n,1\n", "", "The column 'a' of .* has no value at all. Leave it out with drop=a"),
        ("a;y\n1;0\n", "sep=;&decimal=;", "The 'decimal' of .* must be one character, and not that of sep, got ';'"),
    ],
)
def test_numbers_that_were_misread_are_refused(text: str, query: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(UsageError, match=message) as caught:
        load_data(f"csv:{tmp_path / 't.csv'}?label=y&{query}").take(slice(None))
    assert "\n" not in str(caught.value)


def test_the_ways_out_of_misread_numbers(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a;y\n1,5;0\n2,25;1\n?;0\n")
    source = load_data(f"csv:{path}?label=y&sep=;&decimal=,&missing=?")
    model, _ = measured(Looks().fit(pd.read_csv(path, sep=";", decimal=",", na_values="?")[["a"]], [0, 1, 0]), source)
    same_frame(model, source, pd.read_csv(path, sep=";", decimal=",", na_values="?")[["a"]])
    words = load_data(f"csv:{path}?label=y&sep=;&categorical=a")
    assert words.space.columns[0].categories == ("1,5", "2,25", "?")
    path.write_text("a,y\nNA,0\n None,1\nDE,1\n")
    assert load_data(f"csv:{path}?label=y&missing=").space.columns[0].categories == ("DE", "NA", "None")
    assert load_data(f"csv:{path}?label=y").space.columns[0].categories == ("DE", "None", "(missing)")
    assert load_data(f"csv:{path}?label=y&trim=true").space.columns[0].categories == ("DE", "(missing)")
    path.write_text("a,y\n1,0\n ,1\n3,1\n")
    assert [c.name for c in load_data(f"csv:{path}?label=y&missing=").space.columns] == ["a", "a is missing"]


def test_missing_numbers_are_marked_and_only_estimators_take_them(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,w,y\n1,u,0\n,,1\n5,v,0\n3,u,1\n")
    source = load_data(f"csv:{path}?label=y")
    assert [column.name for column in source.space.columns] == ["a", "w", "a is missing"]
    assert source.take(slice(None)).x.tolist() == [[1, 0, 0], [3, 2, 1], [5, 1, 0], [3, 0, 0]]
    assert source.notes[2:4] == (
        "Values are missing in w (1): they are a category of their own, '(missing)'.",
        "Values are missing in a (1): for each, a further column says where.",
    )
    for model in (torch.nn.Linear(3, 2), lambda x: x[:, 0] > 2):
        with pytest.raises(UsageError, match="Values are missing in a, and only estimators take missing numbers. Fill them.*drop=a"):
            as_model(model, space=source.space, gives="labels" if callable(model) else None)
    moved = Tabular(5.0).within(source.space).sample(source.take(slice(None)).x, _rng(4))
    assert moved[:, 2].tolist() == [0, 1, 0, 0]  # what is missing stays so


def _rng(n: int) -> Any:
    from shiftproof.randomness import Rng

    return Rng.for_ids(0, [str(i) for i in range(n)])


def test_ranges_of_large_numbers_stay_exact_under_tabular_moves(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("stamp,y\n1700000001,0\n1700000003,1\n1700000131,0\n")
    source = load_data(f"csv:{path}?label=y")
    x = source.take(slice(None)).x
    shift = Tabular(2.0).within(source.space)
    assert shift.apply(x, shift.project(x, torch.full_like(x, 2e9)))[:, 0].tolist() == [1700000131.0] * 3
    assert shift.apply(x, shift.project(x, x))[:, 0].tolist() == x[:, 0].tolist()
