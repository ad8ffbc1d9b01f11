"""`shiftproof stress`: how much the mix may shift before a finished run breaks, in the terminal and as a page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import shiftproof as sp
from shiftproof.evaluation.curves.stress_run import stress_run
from small_runs import command


class Sign(torch.nn.Module):
    """Class 1 where the first column is positive."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.stack([-x[:, 0], x[:, 0]], dim=1) * 3


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An audit of 200 rows, of which those of town B are wrong half of the time."""
    home = tmp_path_factory.mktemp("stress")
    rng = np.random.default_rng(0)
    town = np.where(rng.random(200) < 0.25, "B", "A")
    x = rng.uniform(-1, 1, (200, 2)).astype(np.float32)
    y = (x[:, 0] > 0) ^ ((town == "B") & (rng.random(200) < 0.6))
    np.savez(home / "data.npz", x=x, y=y.astype(np.int64), town=town)
    uri = f"npz:{home / 'data.npz'}?groups=town"
    sp.audit(Sign(), uri, box=(-1, 1), shifts=("linf(eps=0.05)",), out=str(home / "run"), progress=False)
    return home / "run"


def test_the_terminal_and_the_page(run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    assert command(monkeypatch, "stress", run, "--floor", "0.6") == 0
    out = capsys.readouterr().out
    assert "It falls below 60.0% once examples like those answered wrong come" in out
    assert "Floor reached at chi-square radius" in out
    assert "town=B" in out
    text = (run / "stress.html").read_text(encoding="utf-8")
    assert "How much shift breaks" in text
    assert "beyond chance" in text
    assert "town=B" in text
    assert '"type": "sqrt"' in text or '"type":"sqrt"' in text
    assert "Error rates of" in text
    assert '<th scope="col">town</th><th scope="col">label</th>' in text
    assert "By the label too" in text
    assert "... by the label too" in out


def test_other_shifts_and_risks_and_places(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    words = ["--shift", "linf(eps=0.05)", "--risk", "kl", "--out", tmp_path / "here", "--floor", "0.95"]
    assert command(monkeypatch, "stress", run, *words) == 0
    out = capsys.readouterr().out
    assert ", below the 95.0% that is asked for" in out
    assert (tmp_path / "here" / "stress.html").exists()
    still, moved = stress_run(run), stress_run(run, shift="linf(eps=0.05)")
    assert moved.accuracy[0] < still.accuracy[0]
    assert still.slices[0].what.split(" & ")[0] in ("town=B", "label=0", "label=1")


def test_data_that_are_gone_are_said(run: Path) -> None:
    place = run.parent / "data.npz"
    kept = place.read_bytes()
    place.unlink()
    try:
        curve = stress_run(run)
    finally:
        place.write_bytes(kept)
    assert any("among labels only, since the data cannot be read again" in note for note in curve.notes)
    np.savez(place, x=np.zeros((3, 2), dtype=np.float32), y=np.zeros(3, dtype=np.int64), town=np.array(["A"] * 3))
    try:
        curve = stress_run(run)
    finally:
        place.write_bytes(kept)
    assert any("have changed" in note for note in curve.notes)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--shift", "rotation"], "Unknown shift of this run 'rotation'"),
        (["--search", "grid"], "Unknown search of identity in this run 'grid'"),
        (["--risk", "mean"], "Unknown risk of a stress curve 'mean'"),
        (["--floor", "2"], "The 'floor' of stress_curve must be in (0, 1)"),
    ],
)
def test_bad_input(run: Path, words: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(monkeypatch, "stress", run, *words) == 2
    assert message in capsys.readouterr().err


def test_results_that_are_missing_or_damaged_are_said(run: Path) -> None:
    cells = {path: path.read_bytes() for path in (run / "cells").glob("*.parquet")}
    try:
        for path in cells:
            path.write_bytes(b"no parquet")
        with pytest.raises(sp.UsageError, match="parquet' is damaged: it is not a table"):
            stress_run(run)
        for path in cells:
            path.unlink()
        with pytest.raises(sp.UsageError, match="has no per-example results"):
            stress_run(run)
    finally:
        for path, content in cells.items():
            path.write_bytes(content)
