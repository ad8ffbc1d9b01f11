"""`shiftproof transfer`: the matrix, its words, its page, and what it refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from outline import Outline
from sample_audit import BREAKOUT
from shiftproof.evaluation.transfer.transfer import pairs
from shiftproof.evaluation.transfer.transfer_matrix import TransferMatrix
from shiftproof.records.transfer import TransferRecord
from shiftproof.reports.transfer import sentence, summary, transfer_page
from small_runs import command, write_nets

SHIFT = ["--shift", "linf(eps=0.1)"]


@pytest.fixture(scope="module")
def nets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_nets(tmp_path_factory.mktemp("nets"))


def words(nets: Path, out: Path, *names: str) -> list[str]:
    models = [word for name in names or ("nearest", "small") for word in ("--model", f"{nets}:{name}")]
    return ["transfer", *models, "--data", "digits:", "--limit", "40", "--out", str(out)]


def test_rows_are_made_on_and_columns_tried_on(
    nets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "t"
    assert command(monkeypatch, *words(nets, out), *SHIFT) == 0
    record = TransferRecord.model_validate_json((out / "transfer.json").read_bytes())
    assert [model.name for model in record.models] == ["nets.py:nearest", "nets.py:small"]
    assert (record.n, record.shift, record.search) == (40, "linf(eps=0.1)", "transfer")
    own, other = record.accuracy[0][0], record.accuracy[1][0]
    assert own < other <= record.clean[0]  # moves of an untrained net break the trained one less than its own
    assert record.low[0][0] <= own <= record.high[0][0]
    shown = capsys.readouterr().out
    assert f"Page:   {out}/index.html" in shown
    assert re.search(r"nets.py:nearest +<= ", shown)
    heat = next(table for table in Outline((out / "index.html").read_text()).tables if "made on" in table[0][0][1])
    assert [cell for _, cell in heat[0]][1:] == ["nets.py:nearest", "nets.py:small"]
    assert f"≤ {100 * own:.1f}%" in heat[1][1][1]
    assert f"≤ {100 * other:.1f}%" in heat[2][1][1]


def test_again_into_the_same_folder(
    nets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    quiet = [*words(nets, tmp_path / "t"), *SHIFT, "--quiet", "--search", "best_of_n(n=2)"]
    assert command(monkeypatch, *quiet) == 0
    first = json.loads((tmp_path / "t" / "transfer.json").read_text())
    assert command(monkeypatch, *quiet) == 0
    again = json.loads((tmp_path / "t" / "transfer.json").read_text())
    assert again["accuracy"] == first["accuracy"]
    assert first["search"] == "best_of_n(n=2)"
    assert capsys.readouterr().out == ""


BAD = {
    "one model": (["--model", "{nets}:small"], SHIFT, "The 'model' of transfer must be given at least twice, got 1"),
    "the same twice": (["--model", "{nets}:small"] * 2, SHIFT, "The model 'nets.py:small' was given twice"),
    "weights for one": (None, [*SHIFT, "--weights", "w.safetensors"], "There are 2 models and 1 files of weights"),
    "labels only": (
        ["--model", "{nets}:tree", "--model", "{nets}:small"],
        SHIFT,
        r"provides scores only, and the default search needs gradients",
    ),
    "a search that cannot": (
        None,
        ["--shift", "gaussian_noise(severity=1)", "--search", "pgd"],
        "The search gradient_ascent cannot be used",
    ),
    "a shift without gradients": (None, ["--shift", "gaussian_noise(severity=1)"], "cannot be searched by gradients: gaussian_noise"),
    "an unknown shift": (None, ["--shift", "linv(eps=1)"], "Unknown shift 'linv'. Did you mean: linf"),
    "an unknown search": (None, [*SHIFT, "--search", "best"], "Unknown search 'best'"),
    "no examples": (None, [*SHIFT, "--limit", "0"], "The 'limit' of transfer must be at least 1, got 0"),
    "an empty batch": (None, [*SHIFT, "--batch-size", "0"], "The 'batch_size' of transfer must be at least 1, got 0"),
    "certainty": (None, [*SHIFT, "--confidence", "1"], r"The 'confidence' of transfer must be in \(0, 1\), got 1"),
    "a box of words": (None, [*SHIFT, "--box", "0;1"], "The '--box' must be two numbers such as 0,1"),
    "a missing file": (None, [*SHIFT, "--data", "npz:none.npz"], "There is no file"),
}


@pytest.mark.parametrize("case", list(BAD))
def test_bad_input_is_one_line_and_nothing_is_written(
    nets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    models, rest, told = BAD[case]
    given = [word.replace("{nets}", str(nets)) for word in models or ["--model", "{nets}:nearest", "--model", "{nets}:small"]]
    monkeypatch.chdir(tmp_path)
    assert command(monkeypatch, "transfer", *given, "--out", tmp_path / "t", *rest) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert re.search(told, err), err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_something_else_is_left_alone(
    nets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "audit.json").write_text("{}")
    assert command(monkeypatch, *words(nets, tmp_path), *SHIFT) == 2
    assert "holds other files. Choose an empty or new folder" in capsys.readouterr().err
    assert command(monkeypatch, *words(nets, tmp_path / "audit.json"), *SHIFT) == 2
    assert "is a file. Choose a folder" in capsys.readouterr().err


def matrix(clean: tuple[float, float], rows: list[list[float]], n: int = 1000) -> TransferMatrix:
    accuracy = np.array(rows)
    return TransferMatrix(("a", "b"), accuracy, accuracy - 0.03, accuracy + 0.03, np.array(clean), n, 0.95)


@pytest.mark.parametrize(
    ("own", "moved", "verdict", "beats"),
    [
        (0.1, 0.15, "fully", False),
        (0.1, 0.5, "largely", False),
        (0.1, 0.8, "in part", False),
        (0.1, 0.895, "not measurably", False),
        (0.9, 0.895, "nothing to compare", False),
        (0.8, 0.3, "fully", True),
    ],
)
def test_words_follow_the_share_of_the_own_drop(own: float, moved: float, verdict: str, beats: bool) -> None:
    pair = next(pair for pair in pairs(matrix((0.9, 0.9), [[0.5, moved], [0.5, own]])) if pair.tried_on == "b")
    assert (pair.transfers, pair.beats_own) == (verdict, beats)
    assert pair.drop == pytest.approx(0.9 - moved)
    said = sentence(pair)
    assert "a" in said
    assert ("likely masked" in said) == beats
    if verdict in ("fully", "largely", "in part"):
        assert f"transfer {verdict} to b: they take {100 * (0.9 - moved):.1f} points" in said


def test_no_model_s_name_becomes_markup(nets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert command(monkeypatch, *words(nets, tmp_path / "t"), *SHIFT, "--quiet", "--search", "best_of_n(n=1)") == 0
    record = TransferRecord.model_validate_json((tmp_path / "t" / "transfer.json").read_bytes())
    evil = record.model_copy(
        update={
            "models": [model.model_copy(update={"name": f"{model.name}{BREAKOUT}"}) for model in record.models],
            "pairs": [pair.model_copy(update={"made_on": f"x{BREAKOUT}\x1b[31m"}) for pair in record.pairs],
        }
    )
    text = transfer_page(evil)
    outline = Outline(text)
    assert BREAKOUT not in text
    assert BREAKOUT in "".join(outline.text)
    assert [tag for tag, _ in outline.elements if tag == "script"] == ["script"]
    assert not [name for _, attrs in outline.elements for name in attrs if name.startswith("on")]
    assert "\x1b" not in summary(evil)
