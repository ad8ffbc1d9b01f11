"""The pytest fixtures, in sessions of their own on a tiny real model."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

MODEL = """
import pytest, torch
import shiftproof as sp


def net():
    linear = torch.nn.Linear(4, 2)
    with torch.no_grad():
        linear.weight.copy_(torch.tensor([[9.0, 0, 0, 0], [0, 9, 0, 0]]))
        linear.bias.zero_()
    return linear


X = torch.tensor([[0.9, 0.1, 0.5, 0.5], [0.1, 0.9, 0.5, 0.5], [0.55, 0.45, 0.5, 0.5], [0.45, 0.55, 0.5, 0.5]])
DATA = sp.examples(X, torch.tensor([0, 1, 0, 1]))
OPTIONS = dict(shifts=["linf(eps=0.1)"], searches=["gradient_ascent(steps=5)"])
"""
"""Two of the four inputs differ by 0.1 in what decides, and linf(eps=0.1) turns that by up to 0.2: exactly half are robust."""


@pytest.fixture(scope="module")
def warm() -> None:
    """Loads whatever an audit loads: pytester unloads what an inner session has loaded, and torch cannot be loaded twice."""
    import torch

    import shiftproof as sp

    data = sp.examples(torch.rand(4, 4), torch.tensor([0, 1, 0, 1]))
    sp.audit(torch.nn.Linear(4, 2), data, shifts=["linf(eps=0.1)"], progress=False)


def run(pytester: pytest.Pytester, tests: str, *arguments: str) -> pytest.RunResult:
    pytester.makepyfile(MODEL + tests)
    return pytester.runpytest("-p", "no:cacheprovider", "-p", "no:xdist", *arguments)


def test_a_model_cannot_end_pytest() -> None:
    """With the exit code of a session that passed."""
    import os

    from shiftproof.pytest_plugin import _no_exit

    leave = os._exit
    with _no_exit(), pytest.raises(RuntimeError, match=r"called os._exit\(0\), which would end pytest without a verdict"):
        os._exit(0)
    assert os._exit is leave


def test_importing_it_is_light() -> None:
    heavy = ("torch", "numpy", "pandas", "pyarrow", "sklearn", "scipy", "pydantic", "altair", "click", "rich")
    code = f"import sys, pytest, shiftproof.pytest_plugin; print([name for name in {heavy!r} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


GATES = """
@pytest.fixture
def report(shiftproof_audit):
    return shiftproof_audit(net(), DATA, **OPTIONS)

@pytest.fixture
def incomplete(report):
    broken = {"state": "failed", "error": "Traceback\\nBoom: no memory"}
    cells = [c if c.shift == "identity" else c.model_copy(update=broken) for c in report.record.cells]
    return report.record.model_copy(update={"complete": False, "cells": cells})

def test_held(report, shiftproof_gate):
    clean, robust = shiftproof_gate(report, "accuracy < 1", "linf(0.1).pgd.robust_accuracy < 50%")
    assert (clean.value, robust.value) == (1.0, 0.5)
    assert shiftproof_gate(report.record, "accuracy < 1") == [clean]

def test_failed(report, shiftproof_gate):
    shiftproof_gate(report, "accuracy < 1", "linf(eps=0.1).robust_accuracy < 0.6", "linf(eps=0.1).drop >= 0.5")

def test_unknown(report, shiftproof_gate):
    shiftproof_gate(report, "linf(eps=0.2).robust_accuracy < 0.6")

def test_unread(report, shiftproof_gate):
    shiftproof_gate(report, "accuracy == 0.6")

def test_none(report, shiftproof_gate):
    shiftproof_gate(report)

def test_incomplete(incomplete, shiftproof_gate):
    shiftproof_gate(incomplete, "accuracy < 0.5")

def test_unjudged(incomplete, shiftproof_gate):
    shiftproof_gate(incomplete, "linf(eps=0.1).robust_accuracy < 0.2")
"""


@pytest.mark.usefixtures("warm")
def test_the_gate_fails_a_test_with_a_table(pytester: pytest.Pytester) -> None:
    result = run(pytester, GATES)
    result.assert_outcomes(passed=1, failed=6)
    result.stdout.fnmatch_lines(
        [
            "*_ test_failed _*",
            '*shiftproof_gate(report, "accuracy < 1"*',
            "E *Failed: The model 'Linear' on * fails 2 of 3 conditions:",
            "E * fails if * state * value * interval * kind * n",
            "E * accuracy < 1.0 * held * 1 * [[]*, 1[]] * estimate * 4",
            "E * linf(eps=0.1).robust_accuracy < 0.6 * failed * 0.5 * [[]*[]] * at_most * 4",
            "E * linf(eps=0.1).drop >= 0.5 * failed * 0.5 * at_least * 4",
            "E * linf(eps=0.1).robust_accuracy < 0.6: 0.5 by gradient_ascent(steps=5), 95% interval * At most: the truth is this or less*",
            "*_ test_unknown _*",
            "*Failed: The condition 'linf(eps=0.2)* matches no number of this run. Nearest: linf(eps=0.1)*",
            "*_ test_unread _*",
            "*Failed: The condition 'accuracy == 0.6' must compare with <, <=, > or >=, got '=='*",
            "*_ test_none _*",
            "*Failed: shiftproof_gate needs at least one condition under which the test fails*",
            "*_ test_incomplete _*",
            "*Failed: The model 'Linear' on * was not measured to the end:",
            "*The cell linf(eps=0.1) under gradient_ascent(steps=5) is failed: Boom: no memory",
            "*_ test_unjudged _*",
            "*Failed: The model 'Linear' on * cannot be judged on 1 of 1 conditions:",
            "*Could not be judged: linf(eps=0.1) under gradient_ascent(steps=5) is failed. Run again*",
        ]
    )
    assert "pytest_plugin.py" not in result.stdout.str()  # the test's line is shown, not ours


CACHE = """
def test_cache(shiftproof_audit):
    model = net()
    first = shiftproof_audit(model, DATA, **OPTIONS)
    assert shiftproof_audit(net(), DATA, shifts=[sp.Linf(0.1)], searches=["pgd(steps=5)"]) is first
    with torch.no_grad():
        model.weight[:] = -model.weight
    other = shiftproof_audit(model, DATA, **OPTIONS)
    assert (first.record.clean.accuracy, other.record.clean.accuracy) == (1.0, 0.0)
    assert first.folder.parent == other.folder.parent

def test_one_folder(shiftproof_audit, tmp_path):
    model = net()
    first = shiftproof_audit(model, DATA, out=str(tmp_path), **OPTIONS)
    with torch.no_grad():
        model.weight[:] = -model.weight
    other = shiftproof_audit(model, DATA, out=str(tmp_path), **OPTIONS)
    assert (first.record.clean.accuracy, other.record.clean.accuracy) == (1.0, 0.0)
"""


@pytest.mark.usefixtures("warm")
def test_equal_runs_are_made_once_and_changed_models_again(pytester: pytest.Pytester) -> None:
    run(pytester, CACHE).assert_outcomes(passed=2)


KEEP = """
def test_keep(shiftproof_audit):
    shiftproof_audit(net(), DATA, **OPTIONS)
"""


def cells(folder: Path) -> dict[str, int]:
    """The cell files under a folder and when they were written, in nanoseconds."""
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("cells/*.parquet")}


@pytest.mark.usefixtures("warm")
def test_a_kept_folder_is_gone_on_with(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nshiftproof_out = kept\n")
    run(pytester, KEEP).assert_outcomes(passed=1)
    before = cells(pytester.path / "kept")
    assert len(before) == 2
    run(pytester, KEEP).assert_outcomes(passed=1)
    assert cells(pytester.path / "kept") == before


@pytest.mark.usefixtures("warm")
def test_the_option_goes_before_the_ini_value_and_parallel_workers_keep_apart(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makeini("[pytest]\nshiftproof_out = kept\n")
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw1")
    run(pytester, KEEP, "--shiftproof-out", "given").assert_outcomes(passed=1)
    assert not (pytester.path / "kept").exists()
    assert len(cells(pytester.path / "given" / "gw1")) == 2


def test_help_says_the_option(pytester: pytest.Pytester) -> None:
    pytester.runpytest("--help", "-p", "no:cacheprovider").stdout.fnmatch_lines(["*--shiftproof-out=DIR*", "*shiftproof_out*"])
