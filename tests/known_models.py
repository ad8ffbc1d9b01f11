"""Models of every kind that people have, each as it is and after single changes. Run as a program, it prints what they are known by."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC
from torch import Tensor, nn

import shiftproof as sp
from shiftproof.defences import defences
from shiftproof.models import Gradients, Labels
from shiftproof.models.onnx_session import OnnxSession
from shiftproof.models.straight_through import StraightThrough

warnings.simplefilter("ignore")
quantization: Any = torch.ao.quantization  # neither says its types
jit: Any = torch.jit
X = torch.rand(4, 1, 4, 4, generator=torch.Generator().manual_seed(0))
ROWS = np.random.default_rng(0).random((80, 5))
LABELS = (ROWS[:, 0] + ROWS[:, 1] > 1).astype(int)
Made = Callable[[str], Any]
MODELS: dict[str, tuple[Made, tuple[str, ...]]] = {}
"""By name, what makes a model, and the changes that it knows."""


def model(*changes: str) -> Callable[[Made], Made]:
    def keep(made: Made) -> Made:
        MODELS[made.__name__] = (made, changes)
        return made

    return keep


def dense(change: str = "", seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Flatten(), nn.Linear(16, 6), nn.ReLU(), nn.Linear(6, 3))
    if change == "weight":
        with torch.no_grad():
            net[1].weight[0, 0] += 1e-6  # type: ignore[operator, index]
    return net


def pictures(change: str = "", seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3)).eval()
    with torch.no_grad():
        if change == "weight":
            net[0].weight[0, 0, 0, 0] += 1e-6  # type: ignore[operator, index]
        if change == "buffer":
            net[1].running_mean[0] += 1e-6  # type: ignore[operator, index]
    if change == "setting":
        net.get_submodule("1").eps = 1e-4  # type: ignore[assignment]
    return net


@model("weight")
def plain(change: str) -> Any:
    return dense(change)


@model("weight", "buffer", "setting")
def convolutions(change: str) -> Any:
    return pictures(change)


class Voting(nn.Module):
    def __init__(self, nets: Any) -> None:
        super().__init__()
        self.nets = nets

    def forward(self, x: Tensor) -> Any:
        return torch.stack([net(x) for net in (self.nets.values() if isinstance(self.nets, dict) else self.nets)]).sum(0)


@model("weight", "setting")
def list_of_nets(change: str) -> Any:
    return Voting([dense(), dense(change, seed=1), *([dense()] if change == "setting" else [])])


@model("weight")
def dict_of_nets(change: str) -> Any:
    return Voting({"one": dense(), "two": dense(change, seed=1)})


class Holder:
    __slots__ = ("held", "lock", "scale")

    def __init__(self, held: Any, scale: float = 1.0) -> None:
        self.held, self.scale, self.lock = held, scale, threading.Lock()

    def scaled(self, x: Tensor) -> Any:
        return self.held(x) * self.scale


class Louder(Holder):
    __slots__ = ()

    def scaled(self, x: Tensor) -> Any:
        return self.held(x) * self.scale * 2


class Holding(nn.Module):
    def __init__(self, holder: Holder) -> None:
        super().__init__()
        self.holder = holder

    def forward(self, x: Tensor) -> Any:
        return self.holder.scaled(x)


@model("weight", "setting", "body")
def plain_object(change: str) -> Any:
    return Holding((Louder if change == "body" else Holder)(dense(change), 2.0 if change == "setting" else 1.0))


@dataclass
class Settings:
    scale: float = 1.0
    table: Any = None
    words: frozenset[str] = frozenset({"red", "green", "blue", "yellow"})


class Configured(nn.Module):
    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings, self.net = settings, dense()

    def forward(self, x: Tensor) -> Any:
        return self.net(x) * self.settings.scale * float(self.settings.table.sum())


@model("setting", "array", "word")
def dataclass_of_arrays(change: str) -> Any:
    words = frozenset({"red", "green", "blue", "violet" if change == "word" else "yellow"})
    return Configured(Settings(1.5 if change == "setting" else 1.0, np.arange(3) + (change == "array"), words))


@model("weight")
def int8_dynamic(change: str) -> Any:
    net = dense()
    if change == "weight":
        with torch.no_grad():
            net[1].weight[0, 0] += 0.5  # type: ignore[operator, index]
    return quantization.quantize_dynamic(net, {nn.Linear})


@model("weight", "setting")
def int8_static(change: str) -> Any:
    ends = (quantization.QuantStub(), quantization.DeQuantStub())
    net = nn.Sequential(ends[0], pictures(seed=int(change == "weight")), ends[1]).eval()
    torch.backends.quantized.engine = "onednn"
    net.qconfig = quantization.get_default_qconfig("onednn")
    ready = quantization.prepare(net)
    ready(X * (2 if change == "setting" else 1))
    return quantization.convert(ready)


class Branching(nn.Module):
    def __init__(self, change: str) -> None:
        super().__init__()
        self.net, self.table, self.powers = dense(change), {"scale": 2.0 if change == "setting" else 1.0}, [1, 2]

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.net(x) * self.powers[1]
        if bool((x.sum() > 0).item()):
            out = out * self.table["scale"]
        return out


@model("weight", "setting")
def scripted(change: str) -> Any:
    return jit.script(Branching(change))


@model("weight", "constant")
def traced(change: str) -> Any:
    table = torch.ones(3) * (2 if change == "constant" else 1)
    net = dense(change)

    class Traced(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def forward(self, x: Tensor) -> Any:
            return self.net(x) * table

    return jit.trace(Traced(), X)


@model("weight", "setting")
def frozen(change: str) -> Any:
    return jit.freeze(jit.script(Branching(change).eval()))


@model("weight")
def frozen_int8(change: str) -> Any:
    return jit.freeze(jit.script(int8_dynamic(change).eval()))


@model("weight", "backend")
def compiled(change: str) -> Any:
    return torch.compile(dense(change), backend="aot_eager" if change == "backend" else "eager")


@model("weight")
def symbolic(change: str) -> Any:
    return torch.fx.symbolic_trace(dense(change))


@model("weight")
def weight_norm(change: str) -> Any:
    net = dense(change)
    torch.nn.utils.weight_norm(net[1])
    return net


@model("weight")
def spectral_norm(change: str) -> Any:
    net = dense(change)
    torch.nn.utils.spectral_norm(net[1])
    return net.eval()


@model("weight")
def parametrized(change: str) -> Any:
    net = dense(change)
    torch.nn.utils.parametrizations.weight_norm(net[1])
    return net


@model("weight")
def lazy(change: str) -> Any:
    torch.manual_seed(int(change == "weight"))
    net = nn.Sequential(nn.Flatten(), nn.LazyLinear(3))
    net(X)
    return net


@model("weight")
def tied(change: str) -> Any:
    net = nn.Sequential(nn.Flatten(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 16))
    torch.manual_seed(int(change == "weight"))
    nn.init.normal_(net[1].weight)  # type: ignore[arg-type]
    net[3] = net[1]
    with torch.no_grad():
        net[1].bias.zero_()  # type: ignore[operator]
    return net


@model("hook", "closure")
def hooked(change: str) -> Any:
    net, factor = dense(), 3.0 if change == "closure" else 2.0
    if change == "hook":
        net[3].register_forward_hook(lambda _module, _given, out: out * factor + 1)
    else:
        net[3].register_forward_hook(lambda _module, _given, out: out * factor)
    return net


@model("body")
def overridden(change: str) -> Any:
    net: Any = dense()
    inner = net.forward
    net.forward = (lambda x: inner(x) * 2) if change == "body" else (lambda x: inner(x) * 3)
    return net


@model("weight", "name")
def recurrent(change: str) -> Any:
    torch.manual_seed(int(change == "weight"))

    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cells, self.head = nn.LSTM(4, 5, batch_first=True), nn.Linear(5, 3)
            self.at = 0 if change == "name" else -1

        def forward(self, x: Tensor) -> Any:
            return self.head(self.cells(x.flatten(1, 2))[0][:, self.at])

    return Last()


@functools.cache
def _onnx_file(change: str) -> str:
    folder = Path(tempfile.mkdtemp())
    weight = np.arange(48, dtype=np.float32).reshape(16, 3) / 48 + (1e-3 if change == "weight" else 0)
    held = onnx.numpy_helper.from_array(weight, "w")
    nodes = [onnx.helper.make_node("Flatten", ["x"], ["f"]), onnx.helper.make_node("MatMul", ["f", "w"], ["y"])]
    shapes: dict[str, list[str | int | None]] = {"x": ["n", 1, 4, 4], "y": ["n", 3]}
    ports = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    graph = onnx.helper.make_graph(nodes, "g", ports[:1], ports[1:], [held])
    whole = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(whole, str(folder / "net.onnx"), save_as_external_data=True, location="the weights", size_threshold=0)
    return str(folder / "net.onnx")


@model("weight")
def onnx_with_data_apart(change: str) -> Labels:
    return OnnxSession(_onnx_file(change))


def _squared(x: Any) -> Any:
    return x**2


def _cubed(x: Any) -> Any:
    return x**3


class Clip(BaseEstimator, TransformerMixin):  # type: ignore[misc]
    def __init__(self, most: float = 0.9) -> None:
        self.most = most

    def fit(self, x: Any, y: Any = None) -> Clip:
        return self

    def transform(self, x: Any) -> Any:
        return self.clipped(x)

    def clipped(self, x: Any) -> Any:
        return np.minimum(x, self.most)


class ClipLow(Clip):
    def clipped(self, x: Any) -> Any:
        return np.maximum(x, self.most)


def fitted(estimator: Any, change: str) -> Any:
    return estimator.fit(ROWS, 1 - LABELS if change == "fit" else LABELS)


@model("fit", "body")
def pipeline_of_functions(change: str) -> Any:
    step = FunctionTransformer(_cubed if change == "body" else _squared)
    return fitted(make_pipeline(step, StandardScaler(), LogisticRegression()), change)


@model("body", "setting")
def own_transformer(change: str) -> Any:
    step = (ClipLow if change == "body" else Clip)(0.8 if change == "setting" else 0.9)
    return fitted(make_pipeline(step, LogisticRegression()), change)


@model("fit", "body")
def kernel_of_ones_own(change: str) -> Any:
    return fitted(SVC(kernel=(lambda a, b: a @ b.T + 1) if change == "body" else (lambda a, b: a @ b.T)), change)


class Nearest(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    def fit(self, x: Any, y: Any) -> Nearest:
        self.classes_ = np.unique(y)
        self.means_ = np.stack([x[y == label].mean(0) for label in self.classes_])
        return self

    def predict(self, x: Any) -> Any:
        return self.classes_[((np.asarray(x)[:, None] - self.means_) ** 2).sum(2).argmin(1)]


@model("fit")
def own_classifier(change: str) -> Any:
    return fitted(Nearest(), change)


@model("fit", "seed")
def forest(change: str) -> Any:
    return fitted(RandomForestClassifier(5, random_state=int(change == "seed")), change)


@model("fit")
def boosting(change: str) -> Any:
    return fitted(GradientBoostingClassifier(n_estimators=4, random_state=0), change)


@model("fit")
def histograms(change: str) -> Any:
    return fitted(HistGradientBoostingClassifier(max_iter=4, random_state=0), change)


@model("fit", "setting")
def neighbours(change: str) -> Any:
    return fitted(KNeighborsClassifier(7 if change == "setting" else 5, algorithm="kd_tree"), change)


@model("fit")
def grid_search(change: str) -> Any:
    return fitted(GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}), change)


@model("fit")
def votes(change: str) -> Any:
    return fitted(VotingClassifier([("bayes", GaussianNB()), ("linear", LogisticRegression())], voting="soft"), change)


@model("fit", "rounds")
def lightgbm(change: str) -> Any:
    from lightgbm import LGBMClassifier

    return fitted(LGBMClassifier(n_estimators=5 if change == "rounds" else 4, verbose=-1), change)


@model("fit", "rounds")
def xgboost(change: str) -> Any:
    from xgboost import XGBClassifier

    return fitted(XGBClassifier(n_estimators=5 if change == "rounds" else 4), change)


@model("weight", "setting")
def closure(change: str) -> Any:
    net, scale = dense(change), 2.0 if change == "setting" else 1.0

    def predict(x: Tensor) -> Any:
        return net(x) * scale

    return predict


def _scaled(x: Tensor, net: nn.Module, scale: float) -> Any:
    return net(x) * scale


@model("weight", "setting")
def partial(change: str) -> Any:
    return functools.partial(_scaled, net=dense(change), scale=2.0 if change == "setting" else 1.0)


class Locked:
    def __init__(self, net: nn.Module) -> None:
        self.net, self.lock, self.woken, self.seen = net, threading.RLock(), threading.Event(), {"b", "a", "c"}

    def __call__(self, x: Tensor) -> Any:
        with self.lock:
            return self.answer(x)

    def answer(self, x: Tensor) -> Any:
        return self.net(x)


class LockedTwice(Locked):
    def answer(self, x: Tensor) -> Any:
        return self.net(x) * 2


@model("weight", "body")
def callable_with_locks(change: str) -> Any:
    return (LockedTwice if change == "body" else Locked)(dense(change))


@model("weight")
def bound_method(change: str) -> Any:
    return Holder(dense(change)).scaled


@model("weight", "body")
def behind_a_cache(change: str) -> Any:
    net = dense(change)
    scale = (lambda: 2.0) if change == "body" else (lambda: 1.0)
    cached = functools.lru_cache(maxsize=4)(scale)
    return lambda x: net(torch.as_tensor(x)) * cached()


@model("weight")
def compiled_function(change: str) -> Any:
    net = dense(change)
    return torch.compile(lambda x: net(x) * 2, backend="eager")


@model("weight", "setting", "behind")
def defended(change: str) -> Labels:
    part = defences.build(f"jpeg(quality={60 if change == 'setting' else 75})")
    return part(sp.as_model(pictures("buffer" if change == "behind" else change)), space=sp.InputSpace(kind="image"))


@model("weight", "front", "stand_in")
def straight_through(change: str) -> Labels:
    levels = 8 if change == "front" else 4
    inner = sp.as_model(dense(change), name="inner")
    if not isinstance(inner, Gradients):
        raise TypeError("a module gives gradients")
    if change == "stand_in":
        return StraightThrough(inner, preprocessing=lambda x: (x * levels).round() / levels, stand_in=lambda x: x * 1.0, name="coarse")
    return StraightThrough(inner, preprocessing=lambda x: (x * levels).round() / levels, name="coarse")


def fingerprint(made: Any) -> str:
    return sp.as_model(made, name="any", gives="scores", takes="torch").fingerprint()


if __name__ == "__main__":
    with contextlib.redirect_stdout(io.StringIO()):
        known = {name: fingerprint(made("")) for name, (made, _) in MODELS.items()}
    json.dump(known, sys.stdout)
