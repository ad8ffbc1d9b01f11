"""`shiftproof severity`: one shift followed as it grows, for one model and for two."""

from __future__ import annotations

from pathlib import Path

import pytest

from small_runs import command, write_nets


@pytest.fixture(scope="module")
def nets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_nets(tmp_path_factory.mktemp("nets"))


def test_two_models_and_a_page(nets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "150")
    models = ["--model", f"{nets}:nearest", "--model", f"{nets}:tree"]
    page = tmp_path / "page"
    words = [
        "severity",
        "--data",
        "digits:",
        *models,
        "--shift",
        "rotation(degrees=90)",
        "--limit",
        "50",
        "--points",
        "4",
        "--halvings",
        "2",
    ]
    words += ["--out", str(page)]
    assert command(monkeypatch, *words) == 0
    out = capsys.readouterr().out
    assert "rotation(degrees=90), by chance: estimate, n = 50" in out
    assert [line.split("│")[1].strip() for line in out.splitlines() if line.startswith("│")] == ["0", "30", "60", "90"]
    assert f"Page: {page / 'severity.html'}" in out.replace("\n", "")
    text = (page / "severity.html").read_text(encoding="utf-8")
    assert "nets.py:nearest" in text
    assert "Order of models" in text


def test_a_corruption_without_a_severity_goes_to_five(
    nets: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "150")
    words = ["severity", "--data", "digits:", "--model", f"{nets}:nearest", "--limit", "30", "--points", "2", "--halvings", "0"]
    assert command(monkeypatch, *words, "--shift", "contrast") == 0
    assert "contrast(severity=5), by" in capsys.readouterr().out
    assert command(monkeypatch, *words, "--shift", "contrast(severity=2)") == 0
    assert "contrast(severity=2), by" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--shift", "contrast", "--weights", "a.pt", "--weights", "b.pt"], "There are 1 models and 2 files of weights"),
        (["--shift", "contrast", "--weights", "none.pt"], "none.pt"),
        (["--shift", "rotation"], "shift 'rotation' needs degrees"),
        (["--shift", "identity"], "identity has no option that says how far it moves"),
        (["--shift", "contrast", "--points", "1"], "The 'points' of severity_curve must be at least 2"),
        (["--shift", "contrast", "--data", "npz:none.npz"], "none.npz"),
    ],
)
def test_bad_input_is_one_line(
    words: list[str], message: str, nets: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, "severity", "--data", "digits:", "--model", f"{nets}:nearest", "--limit", "20", *words) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_a_page_where_it_cannot_be_written(
    nets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    words = [
        "severity",
        "--data",
        "digits:",
        "--model",
        f"{nets}:nearest",
        "--limit",
        "20",
        "--points",
        "2",
        "--halvings",
        "0",
        "--shift",
        "contrast",
    ]
    assert command(monkeypatch, *words, "--out", tmp_path / "file" / "page") == 2
    assert "cannot be written" in capsys.readouterr().err
