"""`shiftproof line` and `shiftproof frequency` as people call them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import save_file

from sample_audit import sample_audit
from shiftproof._imports import load_object
from small_runs import command, write_nets

HEAD = "model,kind,home,other home,away\n"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Twelve plain models around a line, and one above it."""
    file = tmp_path / "t.csv"
    draw = np.random.default_rng(0)
    rows = [f"m{i},plain,{50 + 3 * i},{55 + 3 * i + 3 * draw.normal():.2f},{40 + 3 * i + 0.3 * draw.normal():.2f}" for i in range(12)]
    file.write_text(HEAD + "\n".join([*rows, "clip,other,60,70,65"]) + "\n")
    return file


def test_a_line_in_the_terminal_and_on_a_page(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    page = tmp_path / "page" / "line.html"
    assert command(monkeypatch, "line", table, "--in", "home", "--out-of", "away", "--fit", "kind=plain", "--out", page.parent) == 0
    out = capsys.readouterr().out
    assert "over 12 models" in out
    assert out.index("clip") < out.index("m0 ")  # the most effectively robust first
    assert f"Page: {page}" in out.replace("\n", "")
    assert "clip" in page.read_text(encoding="utf-8")
    assert command(monkeypatch, "line", table, "--in", "home", "--in", "other home", "--out-of", "away", "--axis", "probit") == 0
    assert "slope of home" in capsys.readouterr().out


def test_a_line_over_audits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    folders = []
    audit = sample_audit()
    (first, *_) = audit.natural
    for i in range(7):
        folder = tmp_path / f"run{i}"
        folder.mkdir()
        natural = [first.model_copy(update={"accuracy": 0.4 + 0.05 * i + 0.01 * (i % 2)})]
        named = audit.model.model_copy(update={"name": f"net{i}"})
        clean = audit.clean.model_copy(update={"accuracy": 0.5 + 0.05 * i})
        made = audit.model_copy(update={"natural": natural, "model": named, "clean": clean})
        (folder / "audit.json").write_text(made.model_dump_json())
        folders.append(folder)
    assert command(monkeypatch, "line", *folders) == 0
    assert "over 7 models" in capsys.readouterr().out
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "audit.json").write_text(audit.model_copy(update={"natural": []}).model_dump_json())
    assert command(monkeypatch, "line", alone) == 2
    assert "The audits have no other sample beside their own data. Audit with one: --shift-from URI." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--in", "home"],
            "Name the column of in-distribution accuracy with --in, and those of out-of-distribution accuracy with --out-of",
        ),
        (["--in", "hom", "--out-of", "away"], "Unknown column 'hom'. Did you mean: home"),
        (["--in", "home", "--out-of", "away", "--fit", "kind"], "The --fit must be COLUMN=VALUE"),
        (["--in", "home", "--out-of", "away", "--fit", "kind=plane"], "Unknown value of 'kind' 'plane'. Did you mean: plain"),
        (["--in", "home", "--out-of", "away", "--model", "modle"], "Unknown column 'modle'"),
        (["none.csv", "--in", "home", "--out-of", "away"], "Give one CSV file, recorded trials, or folders of audits"),
    ],
)
def test_a_line_that_cannot_be_drawn(
    words: list[str], message: str, table: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, "line", table, *words) == 2
    assert message in capsys.readouterr().err


def test_a_table_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(monkeypatch, "line", tmp_path / "none.csv", "--in", "a", "--out-of", "b") == 2
    assert "cannot be read" in capsys.readouterr().err


@pytest.fixture(scope="module")
def nets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_nets(tmp_path_factory.mktemp("nets"))


def test_frequencies(nets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "150")
    out = tmp_path / "freq"
    assert (
        command(monkeypatch, "frequency", "--data", "digits:", "--model", f"{nets}:nearest", "--limit", "40", "--reach", "3", "--out", out)
        == 0
    )
    said = capsys.readouterr().out
    assert "estimates, n = 40" in said
    assert "under one wave of L2 norm 1 a channel" in said  # 8 x 8 pixels of [0, 1]
    text = (out / "frequency.html").read_text(encoding="utf-8")
    assert "Fourier heat map" in text
    assert "Critical band" in text


def test_frequencies_of_trained_weights(
    nets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`small` with the weights of `nearest` is that model: the same summary, but for its name."""
    monkeypatch.setenv("COLUMNS", "150")
    linear = load_object(f"{nets}:nearest")().linear  # type: ignore[operator]
    weights = tmp_path / "small.safetensors"
    save_file({"1.weight": linear.weight.detach(), "1.bias": linear.bias.detach()}, weights)
    said: list[str] = []
    for words in (["--model", f"{nets}:nearest"], ["--model", f"{nets}:small", "--weights", weights]):
        assert (
            command(monkeypatch, "frequency", *words, "--data", "digits:", "--limit", "20", "--reach", "2", "--out", tmp_path / "page") == 0
        )
        said.append(
            " ".join(capsys.readouterr().out.replace("nearest", "small").replace("small, small", "small").split())
        )  # titles are centred
    assert said[0] == said[1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--weights", "none.pt"], "There is no file of weights 'none.pt'"),
        (["--eps", "-1"], "The 'eps' of fourier_heat_map must be in (0, inf), got -1.0"),
        (["--reach", "9"], "The 'reach' of fourier_heat_map must be from 1 to 4"),
        (["--data", "csv:"], "csv"),
    ],
)
def test_frequencies_that_cannot_be_asked(
    words: list[str], message: str, nets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        command(monkeypatch, "frequency", "--data", "digits:", "--model", f"{nets}:nearest", "--limit", "20", "--out", tmp_path, *words)
        == 2
    )
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
