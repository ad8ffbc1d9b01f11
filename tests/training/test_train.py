"""`shiftproof train`: what it writes, that it goes on, and what it refuses."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from shiftproof.cli.main import main
from shiftproof.training.loop import Loop

NETS = """
from torch import nn

def small():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))

made = small()

def again():
    return made

def predict(x):
    return x.sum((1, 2, 3)) > 2
"""


@pytest.fixture(autouse=True)
def nets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets.py").write_text(NETS)


def command(monkeypatch: pytest.MonkeyPatch, *words: str) -> object:
    monkeypatch.setattr(sys, "argv", ["shiftproof", *words])
    with pytest.raises(SystemExit) as end:
        main()
    return end.value.code


def trained(model: str, *more: str) -> tuple[str, ...]:
    method = "adversarial(shift=linf(eps=0.1), search=gradient_ascent(steps=2))"
    quick = ("--limit", "200", "--epochs", "2", "--held-out", "0.2", "--search", "gradient_ascent(steps=2)", "--out", "run")
    return ("train", model, "--data", "digits:?split=train", "--method", method, *quick, *more)


def test_it_trains_and_its_weights_can_be_audited(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(monkeypatch, *trained("nets.py:small", "--average", "ema(decay=0.9)")) == 0
    out = capsys.readouterr().out
    assert "held-out accuracy" in out
    assert "run/best.safetensors" in out
    record = json.loads(Path("run/training.json").read_text())
    assert record["complete"]
    assert (len(record["curve"]), record["asked"]["average"]) == (2, "ema(decay=0.9)")
    from shiftproof.models.load import load_model

    load_model("nets.py:small", weights="run/best.safetensors")


def test_ctrl_c_is_no_loss(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    whole = Loop._step

    def interrupted(self: Loop) -> float:
        if self.done == self.per_epoch:
            raise KeyboardInterrupt
        return whole(self)

    monkeypatch.setattr(Loop, "_step", interrupted)
    assert command(monkeypatch, *trained("nets.py:small", "--batch-size", "32")) == 130
    assert "the same command goes on from there" in capsys.readouterr().err
    steps: list[int] = []

    def counted(self: Loop) -> float:
        steps.append(self.done)
        return whole(self)

    monkeypatch.setattr(Loop, "_step", counted)
    assert command(monkeypatch, *trained("nets.py:small", "--batch-size", "32", "--quiet")) == 0
    assert steps == [5, 6, 7, 8, 9]


def test_a_network_in_a_file_is_trained_as_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    assert command(monkeypatch, *trained("nets.py:made", "--quiet")) == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (trained("nets.py:again"), "returned the same network twice"),
        (trained("nets.py:predict"), "The 'model' of train must be a torch module, or a function that makes one"),
        (trained("nets.py:smal"), "Unknown name in nets.py 'smal'"),
        (trained("nets.py:small", "--method", "adversarial(shift=linf(eps=2))"), "The 'eps' of linf must be at most 1"),
        (trained("nets.py:small", "--method", "advrsarial(shift=linf(eps=2))"), "Did you mean: adversarial"),
        (trained("nets.py:small", "--box", "0"), "The '--box' must be two numbers"),
        (trained("nets.py:small", "--device", "cpux"), "The 'device' of train must be a device that torch finds here"),
    ],
)
def test_bad_input_is_one_message(
    words: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, *words) == 2
    err = capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err
    assert not Path("run").exists()
