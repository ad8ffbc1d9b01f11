"""What a run says of its own sanity: a model that is no better than a constant, flags where they matter, access, notes, slices."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import shiftproof as sp
from shiftproof.evaluation.curves.severity_curve import severity_curve
from shiftproof.evaluation.curves.stress_run import stress_run
from shiftproof.evaluation.transfer.transfer_matrix import transfer_matrix
from shiftproof.shifts import GaussianNoise, Linf
from small_runs import cell_of, command, linear_net, record, write_nets

DATA = "digits:?split=test"
NAME = "no_better_than_constant"


@pytest.fixture(scope="module")
def nets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_nets(tmp_path_factory.mktemp("nets"))


def audit(monkeypatch: pytest.MonkeyPatch, nets: Path, out: Path, model: str, *more: object) -> int:
    words = ("--data", DATA, "--limit", 120, "--shift", "linf(eps=0.05)", "--out", out, *more)
    return command(monkeypatch, "audit", "--model", f"{nets}:{model}", *words)


def test_an_untrained_model_is_flagged_everywhere(
    nets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit(monkeypatch, nets, tmp_path / "run", "small", "--search", "best_of_n(n=2)") == 0
    printed = capsys.readouterr().out
    assert "is no better than always answering" in printed
    assert "Likely reasons: weights that were not trained or not loaded" in printed
    assert NAME in [flag["name"] for flag in record(tmp_path / "run")["model"]["flags"]]
    assert NAME in (tmp_path / "run" / "index.html").read_text()
    curve = stress_run(tmp_path / "run", floor=0.8, least=5)
    assert any("is no better than always answering" in note for note in curve.notes)
    assert curve.breaking == 0
    assert curve.slices, "the worst slices are listed below the floor"
    assert all(one.error >= 1 - curve.accuracy[0] for one in curve.slices)


def test_a_trained_model_is_not(nets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert audit(monkeypatch, nets, tmp_path / "run", "nearest", "--search", "best_of_n(n=2)", "--quiet") == 0
    assert record(tmp_path / "run")["model"]["flags"] == []


def test_other_commands_see_it_too() -> None:
    data = sp.load_data(DATA, limit=120).take(slice(None))
    untrained = sp.as_model(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10)), name="untrained")
    trained = sp.as_model(linear_net(), name="trained")
    assert [flag.name for flag in severity_curve(untrained, GaussianNoise(5), examples=data, points=2, halvings=0).flags] == [NAME]
    assert severity_curve(trained, GaussianNoise(5), examples=data, points=2, halvings=0).flags == ()
    matrix = transfer_matrix([untrained, trained], Linf(0.05), examples=data)
    assert [[flag.name for flag in flags] for flags in matrix.doubts] == [[NAME], []]


@pytest.mark.parametrize(("search", "flagged"), [("best_of_n(n=2)", False), ("gradient_ascent(steps=2)", True)])
def test_probabilities_matter_where_gradients_were_used(
    nets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, search: str, flagged: bool
) -> None:
    assert audit(monkeypatch, nets, tmp_path / "run", "softmax", "--search", search, "--quiet") == 0
    assert ("probabilities" in [flag["name"] for flag in record(tmp_path / "run")["model"]["flags"]]) is flagged


def test_every_result_says_what_its_search_was_given(nets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    searches = ("--search", "best_of_n(n=2)", "--search", "gradient_ascent(steps=2)", "--quiet")
    assert audit(monkeypatch, nets, tmp_path / "run", "nearest", *searches) == 0
    given = {result["search"]: result["access"] for result in record(tmp_path / "run")["results"]}
    assert given["gradient_ascent(steps=2)"] == "gradients"
    assert given["best_of_n(n=2)"] == cell_of(tmp_path / "run", "linf(eps=0.05)", "best_of_n(n=2)")["access"]
    assert given["union"] == "gradients", "of several the most"
    assert given["one_draw"] == "labels"


def test_notes_are_printed_once_and_wrapped(
    nets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert audit(monkeypatch, nets, tmp_path / "run", "nearest", "--search", "best_of_n(n=2)") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines.count("Note: Levels 0 to 16 are mapped onto the") == 1
    assert "      box [0, 1]." in lines
    assert command(monkeypatch, "report", tmp_path / "run") == 0
    assert "Note: Levels 0 to 16 are mapped onto the" in capsys.readouterr().out
    assert audit(monkeypatch, nets, tmp_path / "run", "nearest", "--search", "best_of_n(n=2)", "--quiet") == 0
    assert capsys.readouterr().out == ""
