"""What people hold, typed as they would type it: thirty and more models and data holders, each with its own accuracy or one clear error."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn import calibration, dummy, ensemble, linear_model, model_selection, multiclass, multioutput, naive_bayes, neighbors, svm
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import shiftproof as sp

N = 90


@cache
def people() -> pd.DataFrame:
    """Numbers with gaps, words with gaps, a pandas category, a date, and labels that are words."""
    rng = np.random.default_rng(0)
    age = rng.integers(18, 70, N).astype(float)
    frame = pd.DataFrame(
        {
            "age": age,
            "hours": rng.integers(10, 60, N),
            "job": rng.choice(["nurse", "clerk", "cook"], N),
            "sex": pd.Categorical(rng.choice(["F", "M"], N)),
            "since": pd.date_range("2020-01-01", periods=N, freq="W").strftime("%Y-%m-%d"),
        }
    )
    frame["income"] = np.where(age + rng.normal(0, 12, N) > 44, "high", "low")
    frame.loc[::11, "age"] = np.nan
    frame.loc[::13, "job"] = None
    return frame


def features() -> pd.DataFrame:
    return people().drop(columns="income")


def numbers() -> np.ndarray[Any, Any]:
    return np.asarray(people()[["age", "hours"]].fillna(40))


def codes() -> np.ndarray[Any, Any]:
    return np.asarray(people()["income"] == "low", dtype=np.int64)


def encoder(*, words: Any = None) -> Any:
    return make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="most_frequent"), words or OneHotEncoder(handle_unknown="ignore")), ["job", "sex"]),
        (make_pipeline(SimpleImputer(), StandardScaler()), ["age", "hours"]),
    )


@dataclass(frozen=True)
class Typed:
    """What somebody gives to `audit`.

    Args:
        model, data, options: the arguments.
        right: the accuracy that the model has by its own `predict` or by hand.
    """

    model: Any
    data: Any
    right: float
    options: dict[str, Any] = field(default_factory=dict)


BY_NAME = {"label": "income"}


def on_frame(estimator: Any) -> Typed:
    fitted = estimator.fit(features(), people()["income"])
    return Typed(fitted, people(), fitted.score(features(), people()["income"]), BY_NAME)


def on_pair(estimator: Any) -> Typed:
    fitted = estimator.fit(numbers(), codes())
    return Typed(fitted, (numbers(), codes()), fitted.score(numbers(), codes()))


def on_made_pair(made: Callable[[], Any]) -> Typed:
    return on_pair(made())


def one_hot_pipeline() -> Typed:
    return on_frame(make_pipeline(encoder(), linear_model.LogisticRegression()))


def histogram_boosting_with_categories() -> Typed:
    frame = people().drop(columns="since").astype({"job": "category"})
    own = frame.drop(columns="income")
    fitted = ensemble.HistGradientBoostingClassifier(max_iter=5, categorical_features="from_dtype").fit(own, frame["income"])
    return Typed(fitted, frame, fitted.score(own, frame["income"]), BY_NAME)


def ordinal_forest() -> Typed:
    words = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    return on_frame(make_pipeline(encoder(words=words), ensemble.RandomForestClassifier(5, random_state=0)))


def years(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"year": pd.to_datetime(frame["since"]).dt.year, "age": frame["age"].fillna(0)})


def pipeline_that_reads_dates() -> Typed:
    return on_frame(make_pipeline(FunctionTransformer(years), linear_model.LogisticRegression()))


def selected_columns() -> Typed:
    columns = make_column_transformer((SimpleImputer(), make_column_selector(dtype_include="number")))
    return on_frame(make_pipeline(columns, neighbors.KNeighborsClassifier()))


SKLEARN: dict[str, Callable[[], Any]] = {
    "svc": svm.SVC,
    "linear_svc": svm.LinearSVC,
    "mlp": lambda: MLPClassifier((8,), max_iter=20, random_state=0),
    "knn": neighbors.KNeighborsClassifier,
    "naive_bayes": naive_bayes.GaussianNB,
    "ridge": linear_model.RidgeClassifier,
    "sgd": lambda: linear_model.SGDClassifier(random_state=0),
    "calibrated": lambda: calibration.CalibratedClassifierCV(svm.LinearSVC(), cv=2),
    "vote": lambda: ensemble.VotingClassifier([("a", svm.SVC()), ("b", naive_bayes.GaussianNB()), ("c", svm.LinearSVC())]),
    "stack": lambda: ensemble.StackingClassifier([("a", naive_bayes.GaussianNB())], cv=2),
    "grid": lambda: model_selection.GridSearchCV(svm.SVC(), {"C": [0.1, 1]}, cv=2),
    "one_vs_rest": lambda: multiclass.OneVsRestClassifier(svm.LinearSVC()),
    "threshold": lambda: model_selection.FixedThresholdClassifier(naive_bayes.GaussianNB(), threshold=0.3),
    "dummy": dummy.DummyClassifier,
}


def with_categories() -> tuple[pd.DataFrame, pd.DataFrame]:
    frame = people().drop(columns="since").astype({"job": "category"})
    return frame, frame.drop(columns="income")


def lightgbm_classifier() -> Typed:
    lightgbm = pytest.importorskip("lightgbm", reason="lightgbm is not installed")
    frame, own = with_categories()
    fitted = lightgbm.LGBMClassifier(n_estimators=5, verbose=-1, min_child_samples=5).fit(own, frame["income"])
    return Typed(fitted, frame, fitted.score(own, frame["income"]), BY_NAME)


def lightgbm_native() -> Typed:
    lightgbm = pytest.importorskip("lightgbm", reason="lightgbm is not installed")
    frame, own = with_categories()
    booster = lightgbm.train({"objective": "binary", "verbose": -1, "min_data_in_leaf": 5}, lightgbm.Dataset(own, codes()), 5)
    return Typed(booster, frame, float(((booster.predict(own) > 0.5) == codes()).mean()), BY_NAME)


def xgboost_classifier() -> Typed:
    xgboost = pytest.importorskip("xgboost", reason="xgboost is not installed")
    _, own = with_categories()
    fitted = xgboost.XGBClassifier(n_estimators=5, enable_categorical=True).fit(own, codes())
    return Typed(fitted, (own, codes()), fitted.score(own, codes()))


def xgboost_native() -> Typed:
    xgboost = pytest.importorskip("xgboost", reason="xgboost is not installed")
    _, own = with_categories()
    matrix = xgboost.DMatrix(own, codes(), enable_categorical=True)
    booster = xgboost.train({"objective": "binary:logistic"}, matrix, 5)
    return Typed(booster, (own, codes()), float(((booster.predict(matrix) > 0.5) == codes()).mean()))


def catboost_classifier() -> Typed:
    catboost = pytest.importorskip("catboost", reason="catboost is not installed")
    frame = people().drop(columns="since").fillna({"job": "none"}).astype({"sex": str})
    own = frame.drop(columns="income")
    fitted = catboost.CatBoostClassifier(iterations=5, cat_features=["job", "sex"], verbose=False, allow_writing_files=False)
    fitted.fit(own, frame["income"])
    return Typed(fitted, frame, fitted.score(own, frame["income"]), BY_NAME)


def skorch_classifier() -> Typed:
    skorch = pytest.importorskip("skorch", reason="skorch is not installed")
    x = numbers().astype(np.float32)
    net = skorch.NeuralNetClassifier(linear(2), max_epochs=1, criterion=nn.CrossEntropyLoss, verbose=0).fit(x, codes())
    return Typed(net, (numbers(), codes()), float((net.predict(x) == codes()).mean()))


def linear(classes: int) -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(2, classes)


def torch_pair() -> tuple[Tensor, Tensor]:
    return torch.tensor(numbers(), dtype=torch.float32) / 100, torch.tensor(codes())


def share(said: Tensor) -> float:
    return float((said.long() == torch.tensor(codes())).double().mean())


def one_logit() -> Typed:
    x, y = torch_pair()
    return Typed(nn.Sequential(linear(1)), (x, y), share(linear(1)(x)[:, 0] > 0))


def ending_in_sigmoid() -> Typed:
    x, y = torch_pair()
    return Typed(nn.Sequential(linear(1), nn.Sigmoid()), (x, y), share(linear(1)(x)[:, 0] > 0))


@dataclass
class Output:
    logits: Tensor


class Answering(nn.Module):
    """Answers with a tuple, an object or a dictionary."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self.inner, self.form = linear(2), form

    def forward(self, x: Tensor) -> Any:
        out = self.inner(x)
        return {"tuple": (out, x), "object": Output(out), "mapping": {"logits": out}}[self.form]


def answering(form: str) -> Typed:
    x, y = torch_pair()
    return Typed(Answering(form), (x, y), share(linear(2)(x).argmax(1)))


class OneDictionary(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = linear(2)

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        out: Tensor = self.inner(torch.cat([batch["left"], batch["right"]], dim=1))
        return out


def dictionary_input() -> Typed:
    x, y = torch_pair()
    data = sp.examples(sp.Fields(left=x[:, :1].numpy(), right=x[:, 1:].numpy()), y.numpy())
    return Typed(OneDictionary(), data, share(linear(2)(x).argmax(1)))


def data_set(loader: bool) -> Typed:
    x, y = torch_pair()
    data = TensorDataset(x, y)
    return Typed(linear(2), DataLoader(data, batch_size=32) if loader else data, share(linear(2)(x).argmax(1)))


def words_as_codes() -> Typed:
    rows = people()[["sex", "hours", "income"]]
    x = torch.tensor(np.stack([rows["sex"].cat.codes, rows["hours"]], axis=1), dtype=torch.float32)
    return Typed(linear(2), rows, share(linear(2)(x).argmax(1)), BY_NAME)


def double_module() -> Typed:
    x, y = torch_pair()
    return Typed(linear(2).double(), (x.double(), y), share(linear(2).double()(x.double()).argmax(1)))


def torchscript_file() -> Typed:
    x, y = torch_pair()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch would rather see another format
        torch.jit.script(nn.Sequential(linear(2))).save("net.pt")  # type: ignore[no-untyped-call]
    return Typed("net.pt", (x, y), share(linear(2)(x).argmax(1)))


def onnx_file(gradients: bool) -> Typed:
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    net = linear(2)
    weights = [onnx.numpy_helper.from_array(part.detach().numpy(), name) for name, part in (("w", net.weight), ("b", net.bias))]
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", 2]) for name in ("x", "out")]
    node = onnx.helper.make_node("Gemm", ["x", "w", "b"], ["out"], transB=1)
    graph = onnx.helper.make_graph([node], "net", ends[:1], ends[1:], weights)
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8), "net.onnx")
    x, y = torch_pair()
    return Typed("net.onnx", (x, y), share(net(x).argmax(1)), {"gradients": gradients})


def polars_frame() -> Typed:
    polars = pytest.importorskip("polars", reason="polars is not installed")
    typed = one_hot_pipeline()
    rows = people().astype({"sex": str})
    fitted = typed.model.fit(rows.drop(columns="income"), rows["income"])
    return Typed(fitted, polars.from_pandas(rows), fitted.score(rows.drop(columns="income"), rows["income"]), BY_NAME)


def hugging_face() -> Typed:
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    typed = one_hot_pipeline()
    rows = people().astype({"sex": str})
    fitted = typed.model.fit(rows.drop(columns="income"), rows["income"])
    held = datasets.Dataset.from_pandas(rows)
    return Typed(fitted, held, fitted.score(rows.drop(columns="income"), rows["income"]), BY_NAME)


def file(kind: str, *, as_path: bool = True) -> Typed:
    typed = one_hot_pipeline()
    rows = people().astype({"sex": str})
    if kind == "csv":
        rows.to_csv("people.csv", index=False)
        rows = pd.read_csv("people.csv")
    else:
        rows.to_parquet("people.parquet")
    fitted = typed.model.fit(rows.drop(columns="income"), rows["income"])
    name: Any = Path(f"people.{kind}") if as_path else f"people.{kind}?label=income"
    right = fitted.score(rows.drop(columns="income"), rows["income"])
    return Typed(fitted, name, right, BY_NAME if as_path else {})


def by_age(x: np.ndarray[Any, Any]) -> list[str]:
    return ["high" if age > 44 else "low" for age in x[:, 0]]


def function_that_answers_names() -> Typed:
    rows = people()[["age", "hours", "income"]].fillna(40)
    return Typed(by_age, rows, float((np.array(by_age(rows[["age", "hours"]].to_numpy())) == rows["income"]).mean()), BY_NAME)


def function_that_answers_scores() -> Typed:
    def scores(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return np.stack([x[:, 0], np.full(len(x), 44.0)], axis=1)

    return Typed(scores, (numbers(), codes()), float(((numbers()[:, 0] < 44) == codes()).mean()))


def labels_of_all_kinds(kind: str) -> Typed:
    fitted = naive_bayes.GaussianNB()
    y: Any = {"words": people()["income"], "booleans": codes() == 1, "column": people()[["income"]], "signed": 2 * codes() - 1}[kind]
    fitted.fit(numbers(), np.ravel(y))
    return Typed(fitted, (numbers(), y), fitted.score(numbers(), np.ravel(y)))


class Serving(BaseHTTPRequestHandler):
    """Answers as TF Serving does."""

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = json.dumps({"predictions": [[row[0], 44.0] for row in sent["instances"]]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args: Any) -> None:
        del args


@contextmanager
def serving() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Serving)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1/models/m:predict"
    finally:
        server.shutdown()
        server.server_close()


WORK: dict[str, Callable[[], Typed]] = {
    "pipeline of ColumnTransformer and OneHotEncoder": one_hot_pipeline,
    "HistGradientBoosting with pandas categories": histogram_boosting_with_categories,
    "forest behind an OrdinalEncoder": ordinal_forest,
    "pipeline that reads dates": pipeline_that_reads_dates,
    "columns chosen by type": selected_columns,
    **{f"scikit-learn {name}": partial(on_made_pair, made) for name, made in SKLEARN.items()},
    "LGBMClassifier": lightgbm_classifier,
    "lightgbm.Booster": lightgbm_native,
    "XGBClassifier": xgboost_classifier,
    "xgboost.Booster": xgboost_native,
    "CatBoostClassifier": catboost_classifier,
    "skorch": skorch_classifier,
    "torch, one logit": one_logit,
    "torch, ending in a sigmoid": ending_in_sigmoid,
    **{f"torch, answers in a {form}": partial(answering, form) for form in ("tuple", "object", "mapping")},
    "torch, one dictionary as input": dictionary_input,
    "torch, TensorDataset": lambda: data_set(loader=False),
    "torch, DataLoader": lambda: data_set(loader=True),
    "torch, a frame whose words are codes": words_as_codes,
    "torch, double precision": double_module,
    "TorchScript file": torchscript_file,
    "ONNX file": lambda: onnx_file(gradients=False),
    "ONNX file with gradients": lambda: onnx_file(gradients=True),
    "polars frame": polars_frame,
    "Hugging Face data set": hugging_face,
    "pathlib.Path of a CSV file": lambda: file("csv"),
    "pathlib.Path of a Parquet file": lambda: file("parquet"),
    "plain name with options": lambda: file("csv", as_path=False),
    "function that answers names": function_that_answers_names,
    "function that answers scores": function_that_answers_scores,
    **{f"labels that are {kind}": partial(labels_of_all_kinds, kind) for kind in ("words", "booleans", "column", "signed")},
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", WORK)
def test_it_is_taken_and_its_accuracy_is_its_own(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    typed = WORK[name]()
    report = sp.audit(typed.model, typed.data, shifts=["identity"], progress=False, **typed.options)
    assert report.accuracy() == pytest.approx(typed.right)
    assert 0.3 < typed.right < 1 or name == "scikit-learn dummy"  # so that a constant or a perfect answer is not all that is seen


REFUSED: dict[str, tuple[Callable[[], tuple[Any, Any, dict[str, Any]]], str]] = {
    "several outputs": (
        lambda: (
            multioutput.MultiOutputClassifier(svm.LinearSVC()).fit(numbers(), np.c_[codes(), codes()]),
            (numbers(), codes()),
            {},
        ),
        "must be one list of classes, got '2 lists'. Estimators with several outputs: give one at a time",
    ),
    "not fitted": (lambda: (svm.SVC(), (numbers(), codes()), {}), "The model 'SVC' is not fitted: call its fit"),
    "a class": (lambda: (svm.SVC, (numbers(), codes()), {}), r"Make one: SVC\(...\)"),
    "a regressor": (
        lambda: (linear_model.LinearRegression().fit(numbers(), codes()), (numbers(), codes()), {}),
        "must be a classifier, got 'LinearRegression'.*within",
    ),
    "a frame without its label": (
        lambda: (svm.SVC().fit(numbers(), codes()), people(), {}),
        "The data frame needs its column of labels: give label=NAME",
    ),
    "a label that is misspelled": (lambda: (svm.SVC().fit(numbers(), codes()), people(), {"label": "incme"}), "Did you mean: income"),
    "missing values for a model that takes none": (
        lambda: (linear(2), people()[["age", "hours", "income"]], BY_NAME),
        "Values are missing in age, and only estimators take missing numbers. Fill them",
    ),
    "labels of another length": (lambda: (svm.SVC().fit(numbers(), codes()), (numbers(), codes()[:5]), {}), "one label per row of X"),
    "one-hot labels": (
        lambda: (svm.SVC().fit(numbers(), codes()), (numbers(), np.eye(2)[codes()]), {}),
        r"got 'shape \(90, 2\)'. One-hot labels become classes with y.argmax",
    ),
    "a dictionary": (lambda: (svm.SVC().fit(numbers(), codes()), {"x": numbers()}, {}), "must be data that can be read, got 'dict'"),
    "a sparse matrix": (
        lambda: (svm.SVC().fit(numbers(), codes()), (sparse(), codes()), {}),
        r"is a sparse matrix, and inputs are full ones. Give X.toarray\(\)",
    ),
    "free text": (
        lambda: (svm.SVC().fit(numbers(), codes()), people().assign(note=notes()), BY_NAME),
        "hold free text, which is not a feature: note. Leave them out",
    ),
}


def sparse() -> Any:
    from scipy.sparse import csr_matrix

    return csr_matrix(numbers())


def notes() -> list[str]:
    return [f"called {place} times about the loan of a house number {place}" for place in range(N)]


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_in_one_clear_sentence(name: str) -> None:
    model, data, options = REFUSED[name][0]()
    with pytest.raises(sp.UsageError, match=REFUSED[name][1]):
        sp.audit(model, data, shifts=["identity"], progress=False, **options)


def test_a_server_of_instances_and_predictions() -> None:
    with serving() as url:
        report = sp.audit(
            url,
            (numbers(), codes()),
            request='{"instances": $batch}',
            answer="predictions",
            shifts=["identity"],
            progress=False,
        )
    assert report.accuracy() == pytest.approx(float(((numbers()[:, 0] < 44) == codes()).mean()))


def test_plain_names_on_the_command_line(tmp_path: Path) -> None:
    people()[["age", "hours", "income"]].fillna(40).to_csv(tmp_path / "people.csv", index=False)
    (tmp_path / "old.py").write_text("def old(x):\n    return (x[:, 0] < 44).astype(int)\n")
    words = ["audit", "--model", "old.py:old", "--data", "people.csv?label=income", "--shift", "identity", "--out", "out"]
    ran = subprocess.run([sys.executable, "-m", "shiftproof", *words], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "% of 90 examples of csv:people.csv?label=income right" in ran.stdout
