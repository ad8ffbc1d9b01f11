"""AttackBench's files: read whole, ranked by mean optimality over the same models, refused where they say less."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shiftproof import UsageError
from shiftproof.leaderboard.attackbench import rank_attacks, read_attackbench
from small_runs import command

ROW = {
    "dataset": "cifar10",
    "attack": "CW-$\\ell_\\infty$",
    "library": "AdvLib",
    "model": "standard",
    "threat_model": "linf",
    "ASR": 1.0,
    "optimality": 0.6,
    "n_forwards": 758.0,
    "n_backwards": 756,
    "time": 206.5,
}


def _file(path: Path, *rows: dict[str, object]) -> Path:
    path.write_text(json.dumps([{**ROW, **row} for row in rows]))
    return path


def test_attacks_are_ranked_by_means_over_the_same_models(tmp_path: Path) -> None:
    one = _file(tmp_path / "a.json", {}, {"attack": "APGD", "optimality": 0.9}, {"attack": "tr", "optimality": 0.99})
    two = _file(tmp_path / "b.json", {"model": "other", "optimality": 0.8}, {"model": "other", "attack": "APGD", "optimality": 0.7})
    three = _file(tmp_path / "c.json", {"threat_model": "l2", "optimality": 0.1})
    ranked = rank_attacks([row for path in (one, two, three) for row in read_attackbench(path)])
    linf = [(each.attack, each.place, round(each.optimality, 6), each.models, each.of) for each in ranked if each.norm == "linf"]
    assert linf == [("APGD", 1, 0.8, 2, 2), ("CW-$\\ell_\\infty$", 2, 0.7, 2, 2), ("tr", None, 0.99, 1, 2)]
    assert [(each.place, each.of) for each in ranked if each.norm == "l2"] == [(1, 1)]
    assert (ranked[1].forwards, ranked[1].backwards, ranked[1].success) == (758.0, 756.0, 1.0)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"optimality": 1.2}, r"'optimality' of row 1 of '.*' must be a number in \[0, 1\], got 1.2"),
        ({"ASR": "all"}, "'ASR' of row 1"),
        ({"optimality": True}, "'optimality' of row 1"),
        ({"n_forwards": -1}, "'n_forwards' of row 1 .* at least 0"),
        ({"time": float("nan")}, "'time' of row 1"),
    ],
)
def test_values_out_of_range_are_said(row: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        read_attackbench(_file(tmp_path / "a.json", row))


def test_other_files_are_said(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for text, message in (
        ("{", "cannot be read"),
        ('{"clean_acc": "85"}', "is not one of AttackBench"),
        ("[]", "is not one of AttackBench"),
        (json.dumps([ROW, 3]), "'row' of row 2 of .* must be an object"),
        (json.dumps([{key: value for key, value in ROW.items() if key != "library"}]), "lacks library"),
    ):
        path.write_text(text)
        with pytest.raises(UsageError, match=message):
            read_attackbench(path)
    rows = read_attackbench(_file(path, {}))
    with pytest.raises(UsageError, match="is listed twice for one model under linf on cifar10"):
        rank_attacks([*rows, *rows])


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    one = _file(tmp_path / "a.json", {}, {"attack": "APGD", "optimality": 0.9})
    two = _file(tmp_path / "b.json", {"model": "other"}, {"model": "other", "attack": "APGD"})
    assert command(monkeypatch, "leaderboard", "--attackbench", one, two) == 0
    assert "75.0%" in capsys.readouterr().out
    assert command(monkeypatch, "leaderboard", "--attackbench", one, "--json") == 0
    assert json.loads(capsys.readouterr().out)[0]["attack"] == "APGD"
    assert command(monkeypatch, "leaderboard", "--attackbench", one, "--threat", "linf") == 2
    assert "ranks attacks and no models" in capsys.readouterr().err
