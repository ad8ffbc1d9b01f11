"""The files that commands in the documentation name, made in a second or two: small networks trained on digits, tables, pictures, runs."""

from __future__ import annotations

import contextlib
import json
import os
import re
import runpy
import shutil
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import onnx
import pandas as pd
import torch
from blocks import blocks, put_file, read
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import load_file

import shiftproof as sp
from repository import ROOT

FITTED = """
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder


def fitted():
    table = pd.read_csv("{table}")
    words = make_column_selector(dtype_exclude="number")
    encoder = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), words), remainder="passthrough")
    return make_pipeline(encoder, LogisticRegression(max_iter=1000)).fit(table.drop(columns="{label}"), table["{label}"])
"""
SENTIMENT = """
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

TEXTS = ["a good film", "great acting", "a bad film", "an awful plot"]


def make():
    return make_pipeline(CountVectorizer(), LogisticRegression()).fit(TEXTS, ["pos", "pos", "neg", "neg"])
"""
REVIEWS = """review,sentiment
a good film,pos
great and good,pos
an awful plot,neg
bad acting,neg
"""
PRICES = """
import pandas as pd
from sklearn.linear_model import LinearRegression


def make():
    table = pd.read_csv("houses.csv")
    return LinearRegression().fit(table.drop(columns="price"), table["price"])
"""
ANSWERS = """
def make():
    def answer(fields):
        asked = zip(fields["question"], fields["context"])
        return [context.split()[-1].strip(".") if "where" in question.lower() else context.split()[0] for question, context in asked]

    return answer
"""
CONVOLUTION = """
from torch import nn


def grey():
    return nn.Sequential(nn.Conv2d(1, 4, 3, stride=4), nn.ReLU(), nn.Flatten(), nn.LazyLinear(10))


def colour():
    return nn.Sequential(nn.Conv2d(3, 4, 3, stride=4), nn.ReLU(), nn.Flatten(), nn.LazyLinear(3))
"""


def fill(folder: Path, text: str) -> None:
    """Copies the files that a text names into `folder`."""
    for name in sorted(name for name in MAKERS if re.search(rf"(?<![\w/.-]){re.escape(name)}(?![\w-])", text)):
        source = made(name)
        if source.is_dir():
            shutil.copytree(source, folder / name, dirs_exist_ok=True)
        else:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, folder / name)


@cache
def made(name: str) -> Path:
    """A file or folder of the workshop, made once."""
    place = home() / name
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        MAKERS[name](place)
    return place


@cache
def home() -> Path:
    """The folder of the workshop, in which the blocks of the first audit have been run: nets.py and trained weights."""
    folder = Path(mkdtemp(prefix="shiftproof-docs-"))
    train = None
    for block in blocks(read(ROOT / "docs" / "guide" / "first-audit.md")):
        put_file(block, folder)
        train = folder / block.title if block.title == "train.py" else train
    assert train is not None, "the first audit has no train.py"

    before = os.getcwd()
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    try:
        with contextlib.redirect_stdout(None):
            runpy.run_path(str(train))
    finally:
        os.chdir(before)
        sys.path.remove(str(folder))
        sys.modules.pop("nets", None)
    return folder


def _there(place: Path) -> None:
    raise AssertionError(f"the first audit does not make {place.name}")


def _onnx(place: Path, layers: list[tuple[torch.Tensor, torch.Tensor]], *shape: int) -> None:
    """Linear layers with ReLU between them, behind a flattening, as an ONNX file."""
    nodes, weights, last = [helper.make_node("Flatten", ["x"], ["flat"])], [], "flat"
    for number, (weight, bias) in enumerate(layers):
        names = [f"w{number}", f"b{number}"]
        weights += [numpy_helper.from_array(part.numpy(), name) for name, part in zip(names, (weight, bias), strict=True)]
        nodes.append(helper.make_node("Gemm", [last, *names], [f"h{number}"], transB=1))
        last = f"h{number}"
        if number < len(layers) - 1:
            nodes.append(helper.make_node("Relu", [last], [f"r{number}"]))
            last = f"r{number}"
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ("n", *shape))
    y = helper.make_tensor_value_info(last, TensorProto.FLOAT, ("n", layers[-1][1].shape[0]))
    graph = helper.make_graph(nodes, "net", [x], [y], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), place)


def _net(place: Path) -> None:
    state = load_file(made("small.safetensors"))
    _onnx(place, [(state["1.weight"], state["1.bias"]), (state["3.weight"], state["3.bias"])], 1, 8, 8)


def _controller(place: Path) -> None:
    """Its first score is always the larger one: the property on its page holds."""
    weight, bias = torch.tensor([[1.0, 0.5], [0.5, 0.25]]), torch.tensor([1.0, 0.0])
    _onnx(place, [(torch.eye(2), torch.zeros(2)), (weight, bias)], 2)


def _digits(rows: slice, noise: float = 0.0) -> Callable[[Path], None]:
    def make(place: Path) -> None:
        batch = sp.load_data("digits:?split=all").take(rows)
        rng = np.random.default_rng(0)
        x = (batch.x.numpy() + noise * rng.normal(size=batch.x.shape)).clip(0, 1).astype(np.float32)
        y = batch.y.numpy()
        np.savez(place, x=x, y=y, ids=batch.ids, pen=rng.choice(["blue", "black"], len(y)))

    return make


def _places(place: Path) -> None:
    """Two classes, and a place that agrees with the class in four of five examples."""
    batch = sp.load_data("digits:?split=all").take(slice(None))
    y = (batch.y.numpy() >= 5).astype(int)
    swapped = np.random.default_rng(0).random(len(y)) < 0.2
    np.savez(place, x=batch.x.numpy(), y=y, place=np.where((y == 1) ^ swapped, "water", "land"))


def _photos(place: Path) -> None:
    rng = np.random.default_rng(0)
    np.savez(place, x=rng.integers(0, 256, (6, 32, 32, 3), dtype=np.uint8), y=np.arange(6) % 3)


def _idx(place: Path) -> None:
    place.mkdir()
    x, y = np.random.default_rng(0).integers(0, 256, (20, 28, 28), dtype=np.uint8), (np.arange(20) % 10).astype(np.uint8)
    (place / "t10k-images-idx3-ubyte").write_bytes(np.array([0x803, *x.shape], ">i4").tobytes() + x.tobytes())
    (place / "t10k-labels-idx1-ubyte").write_bytes(np.array([0x801, len(y)], ">i4").tobytes() + y.tobytes())


def _people(seed: int, *, label: str, ending: str = "") -> Callable[[Path], None]:
    def make(place: Path) -> None:
        rng = np.random.default_rng(seed)
        age, hours = rng.integers(18, 70, 300), rng.integers(10, 60, 300)
        rich = age + hours + rng.normal(0, 15, 300) > 85
        values = {"income": np.where(rich, f">50K{ending}", f"<=50K{ending}"), "y": rich.astype(int)}[label]
        sex = rng.choice(["F", "M"], 300)
        pd.DataFrame({"age": age, "hours": hours, "sex": sex, label: values}).to_csv(place, index=False)

    return make


def _results(place: Path) -> None:
    rng = np.random.default_rng(0)
    val = np.linspace(55, 85, 12)
    table = {"model": [f"net {n}" for n in range(12)], "category": ["standard"] * 10 + ["more data"] * 2, "val": val}
    away = {"imagenetv2": val - 12 + rng.normal(0, 1, 12), "sketch": val - 40 + rng.normal(0, 2, 12)}
    pd.DataFrame({**table, **away}).round(2).to_csv(place, index=False)


def _run(seed: int, *shifts: str) -> Callable[[Path], None]:
    def make(place: Path) -> None:
        torch.manual_seed(seed)
        train = sp.load_data("digits:?split=train").take(slice(0, 100 * seed))
        net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))
        optimiser = torch.optim.Adam(net.parameters(), lr=0.05)
        for _ in range(20):
            optimiser.zero_grad()
            torch.autograd.backward(torch.nn.functional.cross_entropy(net(train.x), train.y))
            optimiser.step()
        other = [str(made("july.npz"))]
        search = ["gradient_ascent(steps=3)"]
        sp.audit(
            sp.as_model(net, name=place.name),
            "digits:",
            limit=60,
            shifts=shifts,
            searches=search,
            shift_from=[f"npz:{other[0]}"],
            out=str(place),
        )

    return make


def _houses(place: Path) -> None:
    rng = np.random.default_rng(0)
    rooms, metres = rng.integers(1, 7, 60), rng.uniform(30, 200, 60).round(1)
    price = (20_000 + 15_000 * rooms + 2_000 * metres + rng.normal(0, 8_000, 60)).round(2)
    pd.DataFrame({"rooms": rooms, "metres": metres, "price": price}).to_csv(place, index=False)


def _spans(place: Path) -> None:
    asked = (
        ("Ada wrote the notes in London.", "Who wrote the notes?", "Ada"),
        ("Emmy proved it in Erlangen.", "Where was it proved?", "Erlangen"),
    )
    paragraphs = [
        {
            "context": context,
            "qas": [{"id": str(row), "question": question, "answers": [{"text": answer, "answer_start": context.index(answer)}]}],
        }
        for row, (context, question, answer) in enumerate(asked)
    ]
    place.write_text(json.dumps({"data": [{"title": "people", "paragraphs": paragraphs}]}), encoding="utf-8")


def _published(place: Path) -> None:
    place.mkdir()
    for name, left in (("Noon2031Training", "53.42"), ("Dusk2032Training", "61.0")):
        info = {"name": name, "dataset": "cifar10", "eps": "8/255", "clean_acc": "85.34", "autoattack_acc": left}
        (place / f"{name}.json").write_text(json.dumps(info), encoding="utf-8")


def _text(text: str) -> Callable[[Path], None]:
    def make(place: Path) -> None:
        place.write_text(text, encoding="utf-8")

    return make


MAKERS: dict[str, Callable[[Path], None]] = {
    "nets.py": _there,
    "small.safetensors": _there,
    "wide.safetensors": _there,
    "net.onnx": _net,
    "controller.onnx": _controller,
    "test.npz": _digits(slice(0, 60)),
    "june.npz": _digits(slice(0, 60)),
    "july.npz": _digits(slice(60, 120), noise=0.1),
    "august.npz": _digits(slice(60, 120), noise=0.2),
    "train.npz": _places,
    "photos.npz": _photos,
    "mnist": _idx,
    "model.py": _text(CONVOLUTION),
    "income.py": _text(FITTED.format(table="adult.data", label="income")),
    "adult.data": _people(0, label="income"),
    "adult.csv": _people(0, label="income"),
    "adult.test": _people(1, label="income", ending="."),
    "people.py": _text(FITTED.format(table="train.csv", label="y")),
    "train.csv": _people(0, label="y"),
    "july.csv": _people(2, label="y"),
    "remote.py": _text("from nets import small\n\nmodel = small()\n"),
    "results.csv": _results,
    "bot.py": _text(SENTIMENT),
    "reviews.csv": _text(REVIEWS),
    "house.py": _text(PRICES),
    "houses.csv": _houses,
    "qa.py": _text(ANSWERS),
    "dev.json": _spans,
    "runs/mine": _run(8, "linf(eps=8/255)"),
    **{f"runs/{name}": _run(number, "linf(eps=8/255)") for number, name in enumerate("abcde", 2)},
    "model_info/cifar10/Linf": _published,
}
