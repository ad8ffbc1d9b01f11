"""Specs: every form, what each stands for, and what is said where one stands for nothing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from shiftproof import UsageError, as_model, load_model
from shiftproof.models.abstract import Gradients, Labels, Scores

CODE = """
import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

net = nn.Linear(4, 3)


class Net(nn.Module):
    def __init__(self, classes=3):
        super().__init__()
        self.head = nn.Linear(4, classes)

    def forward(self, x):
        return self.head(x)


class Needy(Net):
    def __init__(self, classes):
        super().__init__(classes)


def make():
    torch.manual_seed(0)
    return Net()


def forest():
    return LogisticRegression().fit(np.eye(4), [0, 1, 0, 1])


def maker_of_functions():
    return predict


def predict(x):
    return x @ np.ones((4, 2), dtype=x.dtype)


def decide(x):
    return np.zeros(len(x), dtype=int)


def needs_width(width):
    return nn.Linear(width, 2)


def needs_two(width, depth):
    return net


def nothing():
    net


def number():
    return 3


def a_class():
    return Net


def unfitted():
    return LogisticRegression()


def fails():
    raise KeyError("no such layer")


class holder:
    inner = net


threshold = 0.5
"""
X = torch.rand(6, 4, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "zoo.py"
    path.write_text(CODE)
    return str(path)


@pytest.mark.parametrize(
    ("attribute", "gives"),
    [
        ("net", Gradients),
        ("Net", Gradients),
        ("make", Gradients),
        ("holder.inner", Gradients),
        ("forest", Scores),
        ("maker_of_functions", Scores),
        ("predict", Scores),
        ("decide", Labels),
    ],
)
def test_what_a_file_may_name(file: str, attribute: str, gives: type[Labels]) -> None:
    model = load_model(f"{file}:{attribute}", probe=X)
    kind = Gradients if isinstance(model, Gradients) else Scores if isinstance(model, Scores) else Labels
    assert kind is gives
    assert model.labels(X).shape == (6,)
    assert model.name == f"zoo.py:{attribute}"


def test_a_function_that_is_not_asked_says_what_it_gives(file: str) -> None:
    assert isinstance(load_model(f"{file}:predict", gives="scores"), Scores)
    with pytest.raises(UsageError, match="The 'gives' of the model 'zoo.py:predict' must be"):
        load_model(f"{file}:predict")


def test_the_same_spec_is_the_same_model_in_another_place(file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first, second = load_model("zoo.py:make"), load_model(f"{file}:make")
    assert first.fingerprint() == second.fingerprint()


def test_a_module_is_found_in_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sp_test_package").mkdir()
    (tmp_path / "sp_test_package" / "nets.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)
    path = list(sys.path)
    assert isinstance(load_model("sp_test_package.nets:make"), Gradients)
    assert sys.path == path


@pytest.mark.parametrize(
    ("attribute", "message"),
    [
        ("mak", r"Unknown name in .*zoo.py 'mak'. Did you mean: make"),
        ("needs_two", r"The function '.*zoo.py:needs_two' needs arguments \(width, depth\), and is called without any. Write a function"),
        ("Needy", r"The class '.*zoo.py:Needy' needs arguments \(classes\)"),
        ("needs_width", r"The function 'zoo.py:needs_width' refuses a numpy array of shape \(6, 4\).*(?s:.*)in needs_width"),
        ("nothing", r"The factory '.*zoo.py:nothing' returned None. Does it end with 'return model'\?"),
        ("number", r"The factory '.*zoo.py:number' returned a int: it must return a model"),
        ("a_class", r"The factory '.*zoo.py:a_class' returned a type: it must return a model"),
        ("unfitted", r"The model 'zoo.py:unfitted' is not fitted"),
        ("threshold", r"'.*zoo.py:threshold' is of type float: it must be a model, or a function that makes one or predicts"),
    ],
)
def test_what_a_file_may_not_name(file: str, attribute: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load_model(f"{file}:{attribute}", probe=X)


def test_a_failing_factory_shows_its_own_lines_only(file: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_model(f"{file}:fails")
    text = str(caught.value)
    assert f"The code of '{file}:fails' raised an error:\n  File \"{file}\", line" in text
    assert text.endswith("KeyError: 'no such layer'")
    assert "shiftproof" not in text.partition(":\n")[2]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "import no_such_library_here",
            r"raised an error:\n  File \".*m.py\", line 1, in <module>\n.*ModuleNotFoundError: No module named 'no_such_",
        ),
        ("def f(:\n  pass", r"raised an error:\n  File \".*m.py\", line 1\n(?s:.*)SyntaxError"),
        (
            "import sys\nsys.exit(2)",
            r"ended the program \(sys.exit\(2\)\) instead of defining a model. Put what it does as a program under: if __name__",
        ),
    ],
)
def test_a_file_that_cannot_be_imported_says_why(tmp_path: Path, code: str, message: str) -> None:
    (tmp_path / "m.py").write_text(code)
    with pytest.raises(UsageError, match=f"The code of '.*m.py:net' (?s:{message})"):
        load_model(f"{tmp_path / 'm.py'}:net")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            "resnet18",
            r"Cannot read the model 'resnet18'. Write it as FILE.py:NAME, package.module:NAME, FILE.onnx, transformers:FOLDER or http\(s\)",
        ),
        ("net.py:", "Cannot read the model 'net.py:'"),
        ("", "The model is empty. Write it as"),
        ("no_such_file.py:make", r"There is no file 'no_such_file.py' \(in 'no_such_file.py:make'\)"),
        ("no_such_file.py", "write no_such_file.py:NAME. There is no readable file 'no_such_file.py'"),
        ("no_such_package_here.nets:make", "There is no module 'no_such_package_here'"),
        ("best.pt", "file of weights, and weights alone are not a model. .* --model FILE.py:NAME --weights best.pt"),
        ("best.safetensors", "weights alone are not a model"),
        ("forest.joblib", r"is a pickle, which may run any code .*'model = joblib.load\(...\)', and give FILE.py:model"),
        ("forest.pkl", r"pickle.load\(...\)"),
    ],
)
def test_specs_that_stand_for_nothing(spec: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load_model(spec)


def test_a_file_alone_is_answered_with_what_it_defines(file: str) -> None:
    with pytest.raises(
        UsageError, match=r"must say which object of the file is meant: write .*zoo.py:NAME. It defines: Net, Needy, make, .*threshold\."
    ):
        load_model(file)


def test_each_file_finds_its_own_neighbours(tmp_path: Path) -> None:
    for folder, bias in (("one", 1.0), ("two", 2.0)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "sp_test_nets.py").write_text(f"BIAS = {bias}")
        lazy = "def make():\n    from sp_test_nets import BIAS\n    return lambda x: x + BIAS"
        (tmp_path / folder / "lazy.py").write_text(lazy)
        (tmp_path / folder / "eager.py").write_text("from sp_test_nets import BIAS\ndef predict(x):\n    return x + BIAS")
    path = list(sys.path)

    def bias_of(spec: str) -> float:
        model = load_model(str(tmp_path / spec), gives="scores")
        assert isinstance(model, Scores)
        return float(model.scores(torch.zeros(1, 2))[0, 0])

    assert [bias_of(f"{folder}/lazy.py:make") for folder in ("one", "two", "one")] == [1, 2, 1]
    assert [bias_of(f"{folder}/eager.py:predict") for folder in ("two", "one")] == [2, 1]
    assert sys.path == path


def test_objects_are_taken_as_they_are() -> None:
    model = as_model(nn.Linear(4, 2))
    assert as_model(model) is model
    assert load_model(model) is model
    assert (model.name, as_model(nn.Linear(4, 2), name="mine").name) == ("Linear", "mine")


@pytest.mark.parametrize(
    ("thing", "message"),
    [
        (nn.Linear, r"The model must be an object, got the class Linear. Make one: Linear\(...\)"),
        ("net.py:make", "The model 'net.py:make' is text: shiftproof.load_model reads specs"),
        (None, "The 'model' of this run must be a torch module, a scikit-learn classifier or a function, got 'NoneType'"),
        (3, "must be a torch module, .*, got 'int'"),
    ],
)
def test_what_is_no_model_is_refused(thing: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        as_model(thing)


def test_devices_are_checked() -> None:
    with pytest.raises(
        UsageError, match="The 'device' of this run must be a device that torch finds here, such as cpu, cuda or cuda:0, got 'gpu'"
    ):
        as_model(nn.Linear(4, 2), device="gpu")
    if not torch.cuda.is_available():
        with pytest.raises(UsageError, match="must be a device that torch finds here.*got 'cuda'"):
            as_model(nn.Linear(4, 2), device="cuda")
    with pytest.raises(UsageError, match="The 'device' of the model 'f' must be cpu, where it computes, got 'meta'"):
        as_model(as_model(nn.Linear(4, 2), name="f"), device="meta")
    mine = nn.Linear(4, 2)
    assert as_model(mine, device="meta").device.type == "meta"
    assert mine.weight.device.type == "cpu"  # a copy was moved


def test_a_path_is_a_spec(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no ONNX file"):
        load_model(tmp_path / "none.onnx")
