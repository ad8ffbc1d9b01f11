"""Over forty models: each single change makes another model, and what changes no answer does not."""

from __future__ import annotations

import copy
import functools
import json
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from torch import nn

import known_models
import shiftproof as sp
from known_models import MODELS, X, fingerprint
from repository import ROOT
from shiftproof._identity.table import identify


@pytest.mark.parametrize("name", MODELS)
def test_every_single_change_makes_another_model(name: str) -> None:
    made, changes = MODELS[name]
    known = {change: fingerprint(made(change)) for change in ("", *changes)}
    assert fingerprint(made("")) == known[""]  # made again, it is the same
    assert len(set(known.values())) == len(known), known


def test_another_process_knows_them_by_the_same() -> None:
    """Under another hash seed, another folder and as a program instead of a module."""
    here = {name: fingerprint(made("")) for name, (made, _) in MODELS.items()}
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join([str(ROOT / "tests"), *sys.path])}
    command = [sys.executable, known_models.__file__]
    there = subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, check=True).stdout
    assert json.loads(there) == here
    assert len(here) >= 40


class Threaded:
    """A model of the user's own, whose answers may depend on anything that it holds."""

    def __init__(self, n_threads: int) -> None:
        self.n_threads = n_threads

    def __call__(self, x: Any) -> Any:
        return x[:, : self.n_threads]


def test_threads_of_packages_change_no_answer() -> None:
    x, y = np.random.default_rng(0).random((60, 3)), np.arange(60) % 2
    one, two = (HistGradientBoostingClassifier(max_iter=2, random_state=0).fit(x, y) for _ in range(2))
    two._bin_mapper.n_threads += 1
    assert fingerprint(one) == fingerprint(two)
    forests = [RandomForestClassifier(2, random_state=0, n_jobs=jobs).fit(x, y) for jobs in (None, 2)]
    assert fingerprint(forests[0]) == fingerprint(forests[1])
    assert fingerprint(Threaded(1)) != fingerprint(Threaded(2))


MODULES = list(MODELS)[: list(MODELS).index("onnx_with_data_apart")]


@pytest.mark.parametrize("name", MODULES)
def test_what_changes_no_answer_keeps_a_module(name: str) -> None:
    made = MODELS[name][0]
    net, before = made(""), fingerprint(made(""))
    if not name.startswith("frozen"):  # those have no mode
        net.train()
        assert fingerprint(net) == before
        net.eval()
        assert fingerprint(net) == before
    for parameter in net.parameters():
        parameter.requires_grad_(False)
    assert fingerprint(net) == before
    with torch.no_grad():
        net(X)
    assert fingerprint(net) == before


@pytest.mark.parametrize(
    "name", ["plain", "convolutions", "list_of_nets", "int8_dynamic", "symbolic", "spectral_norm", "dataclass_of_arrays"]
)
def test_a_copy_and_a_pickle_are_the_same_model(name: str) -> None:
    net = MODELS[name][0]("")
    before = fingerprint(net)
    assert fingerprint(copy.deepcopy(net)) == before
    assert fingerprint(pickle.loads(pickle.dumps(net))) == before


ESTIMATORS = [
    "pipeline_of_functions",
    "own_transformer",
    "forest",
    "histograms",
    "neighbours",
    "grid_search",
    "votes",
    "lightgbm",
    "xgboost",
]


@pytest.mark.parametrize("name", ESTIMATORS)
def test_use_and_a_pickle_keep_an_estimator(name: str) -> None:
    estimator = MODELS[name][0]("")
    before = fingerprint(estimator)
    estimator.predict(known_models.ROWS)
    estimator.predict_proba(known_models.ROWS)
    assert fingerprint(estimator) == before
    assert fingerprint(pickle.loads(pickle.dumps(estimator))) == before


def test_layout_gradients_and_sharing_do_not_count() -> None:
    net: Any = known_models.pictures()
    before = fingerprint(net)
    net(X).sum().backward()
    assert fingerprint(net) == before
    assert fingerprint(net.to(memory_format=torch.channels_last)) == before
    shared = known_models.Voting([known_models.dense()] * 2)
    assert fingerprint(shared) == fingerprint(known_models.Voting([known_models.dense(), known_models.dense()]))


def test_the_order_of_a_dictionary_counts_and_that_of_a_set_does_not() -> None:
    one, two = known_models.dense(), known_models.dense(seed=1)
    first, second = known_models.Voting({"a": one, "b": two}), known_models.Voting({"b": two, "a": one})
    assert fingerprint(first) != fingerprint(second)
    first.nets, second.nets = [], []
    first.words, second.words = {"a", "b", "c", "d"}, {"d", "c", "b", "a"}  # type: ignore[assignment]
    assert fingerprint(first) == fingerprint(second)


def test_models_that_contain_themselves() -> None:
    def circle(scale: float, length: int) -> nn.Module:
        nets = [known_models.Voting([]) for _ in range(length)]
        for place, net in enumerate(nets):
            net.after = [nets[(place + 1) % length]]  # type: ignore[assignment]
            net.scale = scale if place == length - 1 else 1.0  # type: ignore[assignment]
        return nets[0]

    assert fingerprint(circle(2.0, 4)) == fingerprint(circle(2.0, 4))
    assert len({fingerprint(circle(scale, length)) for scale in (2.0, 3.0) for length in (3, 4, 5)}) == 6


def test_a_compiled_module_is_another_than_the_module() -> None:
    net = known_models.dense()
    assert fingerprint(torch.compile(net, backend="eager")) != fingerprint(net)


class Opaque:
    """A callable that holds what nobody can read."""

    def __init__(self) -> None:
        self.stream = (number for number in range(3))

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1)[:, :3]


def test_what_cannot_be_read_is_never_found_again_and_named() -> None:
    first, second = (sp.as_model(Opaque(), name="mine", gives="scores") for _ in range(2))
    assert first.fingerprint() == first.fingerprint() != second.fingerprint()
    assert first.identity().gaps == ("mine.stream: objects of type builtins.generator cannot be read (cannot pickle 'generator' object)",)
    assert pickle.loads(pickle.dumps(sp.as_model(known_models.dense()))).identity().gaps == ()


def test_a_version_answers_for_what_cannot_be_read_and_counts_always() -> None:
    def fingerprint_of(made: object, version: str) -> str:
        return sp.as_model(made, name="mine", gives="scores", version=version).fingerprint()

    assert fingerprint_of(Opaque(), "1") == fingerprint_of(Opaque(), "1") != fingerprint_of(Opaque(), "2")
    for name in ("plain", "forest", "closure"):
        made = MODELS[name][0]("")
        assert len({fingerprint(made), fingerprint_of(made, "1"), fingerprint_of(made, "2")}) == 3
    with pytest.raises(sp.UsageError, match="'version' of the model 'mine', which has a fingerprint of its own already, must not be given"):
        sp.as_model(sp.as_model(known_models.dense(), name="mine"), version="1")


@pytest.mark.parametrize("name", ["eval", "exec", "globals"])
def test_code_that_reaches_a_module_by_words_counts_the_whole_module(name: str, tmp_path: Path) -> None:
    def known(scale: int) -> str:
        file = tmp_path / f"m{scale}.py"
        used = {"eval": "eval('SCALE')", "exec": "exec('y = SCALE') or 1", "globals": "globals()['SCALE']"}[name]
        file.write_text(f"SCALE = {scale}\ndef predict(x):\n    return x.reshape(len(x), -1)[:, :3] * {used}\n")
        return sp.load_model(f"{file}:predict", gives="scores", name="m").fingerprint()

    assert known(1) != known(2)


def test_an_import_by_name_cannot_be_read(tmp_path: Path) -> None:
    file = tmp_path / "m.py"
    file.write_text("import importlib\ndef predict(x):\n    return importlib.import_module('js' + 'on').scale(x)\n")
    (gap,) = sp.load_model(f"{file}:predict", gives="scores", name="m").identity().gaps
    assert gap == "m -> importlib.import_module: it imports code by a name that is not known before it runs"


def test_a_script_is_the_same_when_it_is_saved_and_loaded(tmp_path: Path) -> None:
    for name in ("scripted", "traced", "frozen", "frozen_int8"):
        made = MODELS[name][0]("")
        torch.jit.save(made, tmp_path / name)
        loaded: Any = torch.jit.load(tmp_path / name)  # type: ignore[no-untyped-call]
        assert fingerprint(loaded) == fingerprint(made), name


class Speaks(nn.Module):
    """`forward` is not all that a script can be asked."""

    def __init__(self, more: int) -> None:
        super().__init__()
        self.more = more

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1)

    @torch.jit.export
    def other(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1) + self.more


class Around(nn.Module):
    def __init__(self, more: int) -> None:
        super().__init__()
        self.held: Any = torch.jit.script(nn.Sequential(Speaks(more)))

    def forward(self, x: torch.Tensor) -> Any:
        return self.held.get_submodule("0").other(x)


def test_a_method_of_a_scripted_submodule_counts() -> None:
    assert fingerprint(Around(1)) == fingerprint(Around(1)) != fingerprint(Around(2))


@pytest.mark.parametrize(
    ("held", "reason"),
    [
        (torch.empty(2, device="meta"), "a tensor on the device meta has no numbers"),
        (np.frompyfunc(lambda x: x, 1, 1), "functions made by numpy.frompyfunc do not tell their code"),
        (threading.local(), "objects of type _local cannot be read"),
        (open, ""),
        (known_models.X, ""),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(held: object, reason: str) -> None:
    net: Any = known_models.dense()
    net.notes = {"here": [held]}
    gaps = sp.as_model(net, name="net").identity().gaps
    assert gaps == ((f"net.notes['here'][0]: {reason}",) if reason else ())


def test_equal_values_have_one_digest_and_a_gap_is_named_from_its_root() -> None:
    assert identify({"a": [1.0, X]}) == identify({"a": [1.0, X.clone()]}) != identify({"a": [1.5, X]})
    (gap,) = identify([Opaque().stream], "value").gaps
    assert gap.startswith("value[0]: objects of type builtins.generator cannot be read")


def test_the_mode_counts_where_nobody_sets_it() -> None:
    """A module is asked in evaluation mode; one that a function closes over is asked as it is."""
    net = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(16, 3))
    module, closing = fingerprint(net), fingerprint(lambda x: net(x))
    net.eval()
    assert fingerprint(net) == module
    assert fingerprint(lambda x: net(x)) != closing


def test_a_function_that_the_user_puts_into_a_package_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    def predict(x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.relu(x.flatten(1)[:, :3])

    before = fingerprint(predict)
    monkeypatch.setattr(torch.nn.functional, "relu", lambda x: x * 2)
    assert fingerprint(predict) != before


class Decorated:
    def __init__(self, inner: Any) -> None:
        functools.update_wrapper(self, inner)
        self.inner = inner

    def __call__(self, x: torch.Tensor) -> Any:
        return self.inner(x)


def test_what_a_decorator_copies_does_not_count() -> None:
    def one(x: torch.Tensor) -> torch.Tensor:
        """Says this."""
        return x.flatten(1)

    def two(x: torch.Tensor) -> torch.Tensor:
        """Says that."""
        return x.flatten(1)

    def three(x: torch.Tensor) -> torch.Tensor:
        return -x.flatten(1)

    two.__name__ = three.__name__ = "one"
    two.__module__ = "elsewhere"
    assert fingerprint(Decorated(one)) == fingerprint(Decorated(two)) != fingerprint(Decorated(three))


class Doubled(torch.Tensor):
    """A tensor that is not added as others are."""

    def __add__(self, other: Any) -> Any:
        return super().__add__(other) * 2


def test_a_tensor_of_ones_own_class_counts_its_code() -> None:
    def adding(amount: torch.Tensor) -> str:
        return fingerprint(lambda x: amount + x.flatten(1)[:, :3])

    assert adding(torch.ones(3)) != adding(torch.ones(3).as_subclass(Doubled))


class Forwards:
    """A proxy: what is asked of it, its module included, is asked of what is behind it."""

    def __init__(self, behind: object) -> None:
        self.behind = behind

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return self.behind(x)  # type: ignore[operator,no-any-return]


Forwards.__module__ = property(lambda self: type(self.behind).__module__)  # type: ignore[assignment]


def test_a_class_whose_module_is_a_property_is_read_as_ones_own() -> None:
    torch.manual_seed(0)
    one, other = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    prints = [sp.as_model(Forwards(net), gives="scores", takes="torch", name="proxy").fingerprint() for net in (one, one, other)]
    assert prints[0] == prints[1] != prints[2]
