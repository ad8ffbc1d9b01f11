"""Bad input is one line that says what is wrong, exit code 2, and nothing on disk."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from small_runs import command, record, write_nets

LINF = ("--shift", "linf(eps=0.1)")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model and files of data, most of them bad."""
    folder = tmp_path_factory.mktemp("bad")
    write_nets(folder)
    x = np.random.default_rng(0).random((12, 1, 8, 8)).astype(np.float32)
    y = np.arange(12) % 10
    holed = x.copy()
    holed[5, 0, 3, 3] = np.nan
    np.savez(folder / "good.npz", x=x, y=y)
    np.savez(folder / "labels.npz", x=x, y=y + 3)
    np.savez(folder / "nan.npz", x=holed, y=y)
    np.savez(folder / "small.npz", x=x[:, :, :5, :5], y=y)
    np.savez(folder / "wide.npz", x=x * 255, y=y)
    np.savez(folder / "object.npz", x=np.array([{"a": 1}] * 12, dtype=object), y=y)
    np.savez(folder / "no_labels.npz", x=x)
    (folder / "corrupt.npz").write_bytes(b"PK\x03\x04 and then nothing")
    (folder / "key.toml").write_text("batchsize = 3\n")
    (folder / "type.toml").write_text('batch_size = "many"\n')
    (folder / "broken.toml").write_text("batch_size = \n")
    return folder


BAD: dict[str, tuple[Sequence[str], str]] = {
    "a budget in pixel levels": (
        ["--shift", "linf(eps=8)"],
        "The 'eps' of linf must be at most 1, .*got 8.0. Units are those of the inputs",
    ),
    "a budget below zero": (["--shift", "linf(eps=-0.1)"], r"The 'eps' of linf must be in \(0, inf\), got -0.1"),
    "an option of no shift": (["--shift", "linf(epsilon=0.1)"], "Unknown option of shift 'linf' 'epsilon'. Did you mean: eps"),
    "no value": (["--shift", "linf"], r"shift 'linf' needs eps: write linf\(eps=...\)"),
    "an unreadable shift": (["--shift", "linf(eps=1+1)"], "Cannot read the value '1 [+] 1' in"),
    "code for a shift": (["--shift", "linf(eps=__import__('os').getpid())"], "Cannot read the value"),
    "an unknown shift": (["--shift", "linff(eps=0.1)"], "Unknown shift 'linff'. Did you mean: .*linf"),
    "an unknown search": ([*LINF, "--search", "best_of(n=2)"], "Unknown search 'best_of'. Did you mean: .*best_of_n"),
    "an unknown suite": (["--suite", "quik"], "Unknown suite 'quik'. Did you mean: quick"),
    "an unknown certificate": ([*LINF, "--certify", "lineer"], "Unknown certificate 'lineer'. Did you mean: linear"),
    "an unknown backend": ([*LINF, "--backend", "slurm"], "Unknown backend 'slurm'"),
    "labels outside the classes": (
        [*LINF, "--data", "npz:{labels.npz}"],
        r"The labels go up to 12, and the model '.*' has 10 classes \(0 to 9\)",
    ),
    "NaN in the inputs": ([*LINF, "--data", "npz:{nan.npz}"], "The inputs contain NaN or infinity in 1 of 12 examples, first in '5'"),
    "a shape the model refuses": ([*LINF, "--data", "npz:{small.npz}"], r"The model '.*' rejects inputs of shape \(12, 1, 5, 5\)"),
    "a box undeclared": (
        [*LINF, "--data", "npz:{wide.npz}"],
        "values run from .*Declare the box that the inputs are in, for example --box 0,255",
    ),
    "a box too small": ([*LINF, "--data", "npz:{wide.npz}", "--box", "0,2"], r"lie outside the box .*Declare the box"),
    "a missing file": ([*LINF, "--data", "npz:{none.npz}"], "There is no file '.*none.npz'. Did you mean: .*nan.npz"),
    "a corrupt file": ([*LINF, "--data", "npz:{corrupt.npz}"], "Cannot read '.*corrupt.npz' as an .npz file"),
    "a pickle": ([*LINF, "--data", "npz:{object.npz}"], "The array 'x' of '.*object.npz' holds Python objects and is refused"),
    "no labels": ([*LINF, "--data", "npz:{no_labels.npz}"], "has no inputs and labels under a usual name. Say which with"),
    "an unknown source": ([*LINF, "--data", "digit:"], "Unknown data source 'digit'. Did you mean: digits"),
    "a model of NaN": ([*LINF, "--model", "{nets.py}:nan"], "returns NaN or infinity on clean inputs. Check its weights"),
    "a missing model": ([*LINF, "--model", "{none.py}:small"], "There is no file '.*none.py'"),
    "a missing factory": ([*LINF, "--model", "{nets.py}:smal"], "Did you mean: .*small"),
    "no factory": ([*LINF, "--model", "{nets.py}"], "must say which object of the file is meant"),
    "no such device": ([*LINF, "--device", "tpu9"], "The 'device' of this run must be a device that torch finds here"),
    "a box of words": ([*LINF, "--box", "0;1"], "The '--box' must be two numbers such as 0,1, got '0;1'"),
    "no examples": ([*LINF, "--limit", "0"], "The 'limit' of the audit must be at least 1, got 0"),
    "an empty batch": ([*LINF, "--batch-size", "0"], "The 'batch_size' of the audit must be at least 1, got 0"),
    "no workers": ([*LINF, "--workers", "0"], "The 'workers' of the audit must be at least 1, got 0"),
    "pictures below zero": ([*LINF, "--pictures", "-1"], "The 'pictures' of the audit must be at least 0, got -1"),
    "certainty": ([*LINF, "--confidence", "1"], r"The 'confidence' of the audit must be in \(0, 1\), got 1"),
    "suite and searches": (["--suite", "quick", "--search", "one_draw"], "A suite brings its own."),
    "searches alone": (["--search", "one_draw"], "Searches need shifts to search: add --shift"),
    "a search that fits nothing": (
        ["--shift", "gaussian_noise(severity=1)", "--search", "pgd"],
        "The search gradient_ascent cannot be used here",
    ),
    "images too small for a shift": (
        ["--data", "digits:", "--shift", "fog(severity=3)"],
        "fog needs images of at least 28 x 28 pixels, got 8 x 8",
    ),
    "grey images for a shift of colours": (["--data", "digits:", "--shift", "saturate(severity=3)"], "saturate needs 3 channels, got 1"),
    "a severity below zero": (["--shift", "fog(severity=-1)"], r"The 'severity' of fog must be in \(0, 5\], got -1"),
    "a shift of other data": (["--shift", "tabular(budget=1)"], "tabular moves table data, and these inputs are of kind 'image'"),
    "a gate on nothing": ([*LINF, "--fail-on", "l2(eps=1).robust_accuracy < 0.5"], "matches no number of this run"),
    "an unreadable gate": ([*LINF, "--fail-on", "accuracy"], "Cannot read the condition 'accuracy'"),
    "an unknown key": (["--config", "{key.toml}"], "Unknown key in '.*key.toml' 'batchsize'. Did you mean: batch_size"),
    "a key of the wrong type": (["--config", "{type.toml}"], "The 'batch_size' of the audit must be a whole number, got 'many'"),
    "a broken config": (["--config", "{broken.toml}"], "The config file '.*broken.toml' cannot be read as TOML"),
    "a missing config": (["--config", "{none.toml}"], "The config file '.*none.toml' does not exist"),
    "the same sample twice": ([*LINF, "--data", "digits:", "--shift-from", "digits:"], "The same data were given twice"),
    "a certificate that cannot": (
        [*LINF, "--model", "{nets.py}:tree", "--certify", "linear"],
        "The certificate linear cannot be used here",
    ),
    "a diagnosis of a tree": (
        [*LINF, "--model", "{nets.py}:tree", "--diagnose"],
        "There is nothing to diagnose: the model provides scores only",
    ),
    "a diagnosis without gradients": (
        [*LINF, "--search", "best_of_n(n=2)", "--diagnose"],
        "There is nothing to diagnose: no shift of this run is searched by gradients",
    ),
    "a curve of no ball": ([*LINF, "--curve", "rotation"], "The 'curve' of the audit must be a norm ball|needs degrees"),
    "a curve of nothing": ([*LINF, "--curve", "linv"], "Unknown shift 'linv'. Did you mean: linf"),
    "a curve of a tree": (
        [*LINF, "--model", "{nets.py}:tree", "--curve", "linf"],
        "The curve of linf is measured with boundary_projection, which needs gradients; the model '.*' provides scores only. Leave",
    ),
    "gradients of a tree": (
        [*LINF, "--model", "{nets.py}:tree", "--search", "pgd"],
        "gradient_ascent needs gradients, and the model gives scores",
    ),
}


@pytest.mark.parametrize("case", list(BAD))
def test_one_line_and_nothing_on_disk(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    words, told = BAD[case]
    given = [re.sub(r"\{(.*?)\}", lambda match: str(place / match[1]), word) for word in words]
    usual = {"--model": f"{place / 'nets.py'}:small", "--data": f"npz:{place / 'good.npz'}", "--out": str(tmp_path / "run")}
    rest = [word for option, value in usual.items() if option not in given for word in (option, value)]
    monkeypatch.chdir(tmp_path)

    assert command(monkeypatch, "audit", *given, *rest) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("shiftproof: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    assert re.search(told, err), err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--shift", "linf(eps=0.1)"], "No output folder was given. Name it with --out runs/NAME."),
        (["--config", "{type.toml}"], "names an output folder. Add --out runs/NAME."),
    ],
)
def test_no_output_folder(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    given = [word.replace("{type.toml}", str(place / "type.toml")) for word in words]
    assert command(monkeypatch, "audit", "--model", f"{place / 'nets.py'}:small", *given) == 2
    err = capsys.readouterr().err
    assert told in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(monkeypatch, "audit", "--out", tmp_path / "run") == 2
    assert capsys.readouterr().err == "shiftproof: No model was given. Name it with --model file.py:factory (model=... in Python).\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["audit", "--epsilon", "3"], "No such option"),
        (["audit", "--limit", "many"], "'many' is not a valid integer"),
        (["adit"], "No such command 'adit'"),
        (["cite"], "Missing argument"),
    ],
)
def test_words_of_no_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], told: str) -> None:
    assert command(monkeypatch, *words) == 2
    err = capsys.readouterr().err
    assert told in err
    assert "Usage: shiftproof" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["report", "{nowhere}"], "has no audit.json, so there is no run to read"),
        (["cite", "{nowhere}"], "has no audit.json, so there is no run to read"),
        (["compare", "{nowhere}"], "Compare needs at least two folders of runs"),
        (["compare", "{nowhere}", "{nowhere}"], "has no audit.json"),
        (["list", "shift"], "Unknown kind of part 'shift'. Did you mean: shifts"),
        (["check", "{nowhere}/mine.py:Rain"], "mine.py"),
    ],
)
def test_other_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    assert command(monkeypatch, *(word.replace("{nowhere}", str(tmp_path / "nowhere")) for word in words)) == 2
    err = capsys.readouterr().err
    assert told in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_record_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "audit.json").write_text('{"complete": "perhaps"}')
    assert command(monkeypatch, "report", tmp_path) == 2
    err = capsys.readouterr().err
    assert "is not an audit that this version of shiftproof can read" in err
    assert "Traceback" not in err


def test_a_softmax_model_is_measured_and_flagged(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["audit", "--model", f"{place / 'nets.py'}:softmax", "--data", "digits:", "--limit", "20", "--out", tmp_path / "run", "--quiet"]
    assert command(monkeypatch, *words, *LINF, "--search", "gradient_ascent(steps=2)") == 0
    assert "probabilities" in [flag["name"] for flag in record(tmp_path / "run")["model"]["flags"]]
    plain = [word if word != f"{place / 'nets.py'}:softmax" else f"{place / 'nets.py'}:nearest" for word in words]
    plain[plain.index(tmp_path / "run")] = tmp_path / "plain"
    assert command(monkeypatch, *plain, *LINF, "--search", "one_draw") == 0
    assert record(tmp_path / "plain")["model"]["flags"] == []
