"""Models as people have them: one number per input, tuples and objects, dictionaries, TorchScript, native boosters, Keras."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from shiftproof import Fields, UsageError, as_model, examples, load_data, load_model
from shiftproof.models.abstract import Gradients, Scores
from shiftproof.preflight import look_at

X = torch.rand(20, 6, generator=torch.Generator().manual_seed(0))


def linear(classes: int) -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(6, classes)


@dataclass
class Output:
    logits: Tensor


class Answering(nn.Module):
    """Answers with what `form` makes of the logits."""

    def __init__(self, form: str, classes: int = 2) -> None:
        super().__init__()
        self.inner, self.form = linear(classes), form

    def forward(self, x: Tensor) -> object:
        out = self.inner(x)
        forms: dict[str, object] = {"tuple": (out, x), "object": Output(out), "mapping": {"logits": out}, "sigmoid": torch.sigmoid(out)}
        return forms[self.form]


@pytest.mark.parametrize("form", ["tuple", "object", "mapping"])
def test_logits_in_whatever_holds_them(form: str) -> None:
    model = as_model(Answering(form), name="net")
    assert isinstance(model, Gradients)
    assert torch.equal(model.scores(X), Answering(form).inner(X))
    assert model.notes == (("The model 'net' answers with a tuple: its first tensor is taken for the scores.",) if form == "tuple" else ())


@pytest.mark.parametrize("flat", [False, True])
def test_one_logit_decides_above_zero(flat: bool) -> None:
    net = nn.Sequential(linear(1), nn.Flatten(0)) if flat else nn.Sequential(linear(1))
    model = as_model(net, name="net")
    assert model.labels(X).tolist() == (net(X).flatten() > 0).long().tolist()
    assert "read as the logit of class 1" in model.notes[0]


def test_a_last_sigmoid_is_a_probability() -> None:
    net = nn.Sequential(linear(1), nn.Sigmoid())
    model = as_model(net, name="net")
    assert isinstance(model, Scores)
    assert torch.allclose(model.scores(X).softmax(1)[:, 1:], net(X), atol=1e-6)
    assert "one probability per input" in model.notes[0]


def test_a_probability_that_looks_like_a_logit_is_refused() -> None:
    batch = examples(X.numpy(), np.zeros(20, dtype=int))
    with pytest.raises(UsageError, match=r"all of them lie in \[0, 1\].*let the module end in torch.nn.Sigmoid"):
        look_at(as_model(Answering("sigmoid", 1), name="net"), batch)


def test_a_sigmoid_outside_of_probabilities_is_refused() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.last = linear(1), nn.Sigmoid()

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = 5 * self.last(self.inner(x))
            return out

    with pytest.raises(UsageError, match=r"lie in \[0, 1\], as its last layer is a Sigmoid"):
        as_model(Scaled(), name="net").labels(X)


class ByName(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = linear(2)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        out: Tensor = self.inner(torch.cat([left, right], dim=1))
        return out


class OneDictionary(ByName):
    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:  # type: ignore[override]  # another module's signature
        return super().forward(batch["left"], batch["right"])


@pytest.mark.parametrize("net", [ByName(), OneDictionary()], ids=["keywords", "dictionary"])
def test_inputs_that_are_dictionaries(net: nn.Module) -> None:
    batch = examples(Fields(left=X[:, :2].numpy(), right=X[:, 2:].numpy()), np.zeros(20, dtype=int))
    model = as_model(net, name="net", space=batch.space)
    assert isinstance(model, Scores)
    assert torch.allclose(model.scores(batch.x), linear(2)(X), atol=1e-6)


def test_torchscript_files(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch would rather see another format
        torch.jit.script(nn.Sequential(linear(3))).save(str(tmp_path / "net.pt"))  # type: ignore[no-untyped-call]
    model = load_model(tmp_path / "net.pt")
    assert isinstance(model, Gradients)
    assert torch.allclose(model.scores(X), linear(3)(X), atol=1e-6)
    torch.save(linear(3).state_dict(), tmp_path / "weights.pt")
    with pytest.raises(UsageError, match="is a file of weights, and weights alone are not a model"):
        load_model(tmp_path / "weights.pt")
    with zipfile.ZipFile(tmp_path / "damaged.pt", "w") as archive:
        archive.writestr("net/constants.pkl", b"none")
    with pytest.raises(UsageError, match="The TorchScript file '.*damaged.pt' cannot be loaded"):
        load_model(tmp_path / "damaged.pt")


FRAME = pd.DataFrame({"age": [20.0, 30.0, np.nan, 50.0] * 15, "job": pd.Categorical(["a", "b", "a", "c"] * 15)})
ABOVE = np.array([0, 1, 0, 1] * 15)


def test_native_boosters_of_lightgbm() -> None:
    lightgbm = pytest.importorskip("lightgbm", reason="lightgbm is not installed")
    booster = lightgbm.train({"objective": "binary", "verbose": -1, "min_data_in_leaf": 2}, lightgbm.Dataset(FRAME, ABOVE), 5)
    source = load_data((FRAME, np.where(ABOVE, "yes", "no")))
    batch = source.take(slice(None))
    model = as_model(booster, space=source.space, class_names=source.class_names, probe=batch.x[:8])
    assert model.labels(batch.x).tolist() == (booster.predict(FRAME) > 0.5).astype(int).tolist() == ABOVE.tolist()
    regression = lightgbm.train({"objective": "regression", "verbose": -1}, lightgbm.Dataset(FRAME, ABOVE), 1)
    with pytest.raises(UsageError, match="be one of classes .*, got 'regression'"):
        as_model(regression, space=source.space)


def test_native_boosters_of_xgboost() -> None:
    xgboost = pytest.importorskip("xgboost", reason="xgboost is not installed")
    matrix = xgboost.DMatrix(FRAME, ABOVE, enable_categorical=True)
    booster = xgboost.train({"objective": "multi:softprob", "num_class": 2, "min_child_weight": 0}, matrix, 5)
    source = load_data((FRAME, ABOVE))
    batch = source.take(slice(None))
    model = as_model(booster, space=source.space, probe=batch.x[:8])
    assert model.labels(batch.x).tolist() == booster.predict(matrix).argmax(1).tolist() == ABOVE.tolist()


def test_skorch_classifiers_are_asked_in_single_precision() -> None:
    skorch = pytest.importorskip("skorch", reason="skorch is not installed")
    y = (X[:, 0] > 0.5).long().numpy()
    net = skorch.NeuralNetClassifier(linear(2), max_epochs=1, criterion=nn.CrossEntropyLoss, verbose=0).fit(X.numpy(), y)
    source = load_data((X.double().numpy(), y))
    batch = source.take(slice(None))
    model = as_model(net, space=source.space, probe=batch.x)
    assert model.labels(batch.x).tolist() == net.predict(X.numpy()).tolist()


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("net.keras", "keras.models.load_model.*export.'net.onnx', format='onnx'.*--model net.onnx"),
        ("net.h5", "keras.models.load_model"),
        ("net.tflite", "python -m tf2onnx.convert --tflite .*net.tflite --output net.onnx"),
        ("saved", "python -m tf2onnx.convert --saved-model .*saved --output net.onnx"),
    ],
)
def test_keras_is_told_how_to_become_onnx(tmp_path: Path, name: str, command: str) -> None:
    if name == "saved":
        (tmp_path / name).mkdir()
        (tmp_path / name / "saved_model.pb").touch()
    with pytest.raises(UsageError, match=command):
        load_model(tmp_path / name)


def test_a_keras_object_is_told_too() -> None:
    kind = type("Functional", (), {"__module__": "keras.src.models.functional"})
    with pytest.raises(UsageError, match=r"a Functional of Keras.*Run: model.export\('net.onnx', format='onnx'\)"):
        as_model(kind())
