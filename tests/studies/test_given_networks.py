"""Trained networks that a study takes from its user: named on the command line, known by their fingerprint, refused where they are none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
import torch

import shiftproof as sp
from shiftproof import UsageError
from shiftproof.studies import Prediction, Quantity, Study, Trial, run_study
from shiftproof.studies.nets import anew
from shiftproof.studies.trial import right
from small_runs import command

SOURCE = """
import torch
from torch import nn

def wide():
    torch.manual_seed({seed})
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))

def predicts(x):
    return x
"""


@dataclass(frozen=True)
class Reads(Study):
    """How many digits a given network reads."""

    name: ClassVar[str] = "reads"
    claim: ClassVar[str] = "It reads."
    paper: ClassVar[str] = "Nobody"
    figure: ClassVar[str] = "None."
    predictions: ClassVar[tuple[Prediction, ...]] = (Prediction("right", "it reads some", low=0.0),)
    protocol: ClassVar[str] = "Ask it."
    scaled_down: ClassVar[str] = "Nothing."
    nets: ClassVar[tuple[str, ...]] = ("digits.net",)

    def measure(self, trial: Trial) -> Mapping[str, Quantity]:
        examples = sp.load_data("digits:?split=test", limit=50).take(slice(None))
        found = 0.0 if trial.quick else float(right(trial.nets["digits.net"], examples).mean())
        return {"right": Quantity(found, unit="share")}


def net(folder: Path, seed: int, name: str = "wide") -> dict[str, str]:
    (folder / f"net{seed}.py").write_text(SOURCE.format(seed=seed))
    return {"digits.net": f"{folder / f'net{seed}.py'}:{name}"}


def test_a_given_network_is_measured_and_its_fingerprint_kept(tmp_path: Path) -> None:
    record = run_study(Reads(), out=tmp_path / "out", full=True, nets=net(tmp_path, 1))
    torch.manual_seed(1)
    same = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))
    examples = sp.load_data("digits:?split=test", limit=50).take(slice(None))
    assert record.predictions[0].value == right(same, examples).mean()
    assert list(record.nets) == ["digits.net"]
    assert record.nets["digits.net"].startswith("torch:")
    again = run_study(Reads(), out=tmp_path / "out", full=True, nets=net(tmp_path, 1))
    assert again.trials == record.trials  # nothing is measured anew
    with pytest.raises(UsageError, match="holds the study with 'nets'"):
        run_study(Reads(), out=tmp_path / "out", full=True, nets=net(tmp_path, 2))


def test_what_is_missing_or_no_network_is_said_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"needs the trained network digits\.net: add --net digits\.net=FILE\.py:NAME"):
        run_study(Reads(), out=tmp_path / "out", full=True)
    with pytest.raises(UsageError, match=r"The 'net' of the study's digits\.net must be a torch module, got"):
        run_study(Reads(), out=tmp_path / "out", full=True, nets=net(tmp_path, 1, "predicts"))
    assert run_study(Reads(), out=tmp_path / "out").nets == {}  # the quick form takes none


@pytest.mark.parametrize(("word", "said"), [("digits", "must be NAME=URI"), ("a=b", "network 'a' was given twice")])
def test_bad_words_for_networks(
    word: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("study", "run", "simplicity_bias", "--net", word, "--net", word, "--out", tmp_path / "out")
    assert command(monkeypatch, *words) == 2
    assert said in capsys.readouterr().err


def test_a_network_anew_has_the_same_kind_and_other_weights() -> None:
    last = torch.nn.Linear(72, 3)
    trained = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.Flatten(), last).eval()
    trained.requires_grad_(False)
    made = anew(trained)
    assert [type(part) for part in made.children()] == [type(part) for part in trained.children()]
    assert made.training
    assert all(p.requires_grad for p in made.parameters())
    assert not torch.equal(dict(made.named_parameters())["3.weight"], last.weight)
