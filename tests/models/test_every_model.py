"""Every kind of model through the one door: judged where it gives enough, refused where it does not, rebuilt in other processes."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from sklearn.ensemble import RandomForestClassifier
from sklearn.svm import LinearSVC
from torch import nn

from shiftproof import BestOfN, GradientAscent, Linf, OneDraw, UsageError, as_model, confront, examples, load_model
from shiftproof.data.space import InputSpace
from shiftproof.models.abstract import Gradients, Labels, Scores
from shiftproof.runs.model_reference import ModelReference

WEIGHT = np.array([[3.0, -3.0], [-2.0, 2.0], [1.0, -1.0]], dtype=np.float32)
X = np.random.default_rng(0).random((60, 3), dtype=np.float32)
Y = (X @ WEIGHT).argmax(1)


def linear(x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return x @ WEIGHT


def deciding(x: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    chosen: npt.NDArray[np.int64] = (x @ WEIGHT).argmax(1)
    return chosen


def torch_model(folder: Path) -> Labels:
    module = nn.Linear(3, 2, bias=False)
    module.load_state_dict({"weight": torch.from_numpy(WEIGHT.T)})
    return as_model(module)


def onnx_model(folder: Path) -> Labels:
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2])],
        [numpy_helper.from_array(WEIGHT, "w")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), folder / "m.onnx")
    return load_model(str(folder / "m.onnx"))


MODELS: dict[str, Callable[[Path], Labels]] = {
    "torch": torch_model,
    "onnx": onnx_model,
    "function of scores": lambda folder: as_model(linear, gives="scores"),
    "function of labels": lambda folder: as_model(deciding, gives="labels"),
    "forest": lambda folder: as_model(RandomForestClassifier(10, random_state=0, max_features=None).fit(X, Y)),
    "svm": lambda folder: as_model(LinearSVC().fit(X, Y)),
}


@pytest.mark.parametrize("kind", MODELS)
def test_every_kind_is_judged(tmp_path: Path, kind: str) -> None:
    model, data = MODELS[kind](tmp_path), examples(X, Y)
    still = confront(model, Linf(1e-6), search=OneDraw(), examples=data)
    moved = confront(model, Linf(0.3), search=OneDraw(), examples=data, batch_size=7)
    assert still.accuracy > 0.95
    assert moved.accuracy < still.accuracy
    assert (moved.outcome == confront(model, Linf(0.3), search=OneDraw(), examples=data).outcome).all()
    assert np.isnan(moved.probability).all() == (not isinstance(model, Scores))
    worst = confront(model, Linf(0.3), search=BestOfN(n=5), examples=data)
    assert worst.accuracy < moved.accuracy


def test_kinds_that_compute_the_same_get_the_same_verdicts(tmp_path: Path) -> None:
    outcomes = [
        confront(MODELS[kind](tmp_path), Linf(0.3), search=BestOfN(n=4), examples=examples(X, Y)).outcome.tolist()
        for kind in ("torch", "onnx", "function of scores")
    ]
    assert outcomes[0] == outcomes[1] == outcomes[2]


@pytest.mark.parametrize(("kind", "gives"), [("forest", "scores"), ("svm", "labels"), ("onnx", "scores"), ("function of labels", "labels")])
def test_gradients_are_refused_before_anything_runs(tmp_path: Path, kind: str, gives: str) -> None:
    model = MODELS[kind](tmp_path)
    assert not isinstance(model, Gradients)
    message = rf"The search gradient_ascent needs gradients, and the model '{model.name}' gives {gives} only. Use .*best_of_n or grid\."
    with pytest.raises(UsageError, match=message):
        confront(model, Linf(0.3), search=GradientAscent(steps=2), examples=examples(X, Y))


@pytest.mark.parametrize("kind", MODELS)
def test_every_kind_travels_to_another_process(tmp_path: Path, kind: str) -> None:
    model = MODELS[kind](tmp_path)
    reference = ModelReference(object(), None, "cpu", InputSpace(), ()).of(model)
    again = pickle.loads(pickle.dumps(reference))()
    assert again.fingerprint() == model.fingerprint()
    assert torch.equal(again.labels(torch.from_numpy(X)), model.labels(torch.from_numpy(X)))


@pytest.mark.parametrize("attribute", ["scores_of", "labels_of"])
def test_a_function_from_a_file_is_rebuilt_without_asking_it(tmp_path: Path, attribute: str) -> None:
    (tmp_path / "m.py").write_text(
        "asked = []\n"
        "def scores_of(x):\n    asked.append(1)\n    return x[:, :2]\n"
        "def labels_of(x):\n    asked.append(1)\n    return x[:, 0] > 0.5\n"
    )
    spec = f"{tmp_path / 'm.py'}:{attribute}"
    reference = ModelReference(spec, None, "cpu", InputSpace(), ())
    model = load_model(spec, probe=torch.from_numpy(X))
    again = reference.of(model)()
    assert type(again) is type(model)
    assert again.fingerprint() == model.fingerprint()
