"""Recorded trials: accuracies by observer and condition, and the shape bias of cue-conflict images, counted by hand."""

from __future__ import annotations

import io
import math
import tarfile
from pathlib import Path

import numpy as np
import pytest

from shiftproof import UsageError
from shiftproof.measures.trials import accuracy_of_trials, error_consistency, read_trials, shape_bias_of_trials
from small_runs import command

HEAD = "subj,Session,trial,rt,object_response,category,condition,imagename\n"


def _rows(observer: str, condition: str, right: int, n: int) -> str:
    answers = ["knife"] * right + ["bear"] * (n - right)
    return "".join(
        f"{observer},1,{i},0.5,{answer},knife,{condition},{i:04}_cop_s01_{condition}_knife_10_n{i}.png\n"
        for i, answer in enumerate(answers)
    )


def _archive(path: Path, texts: dict[str, str]) -> Path:
    with tarfile.open(path, "w:xz") as archive:
        for name, text in texts.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return path


def test_accuracies_of_files_archives_and_folders_are_the_same(tmp_path: Path) -> None:
    one, two = HEAD + _rows("a", "c100", 9, 10) + _rows("a", "c05", 4, 10), HEAD + _rows("b", "c100", 8, 10) + _rows("b", "c05", 1, 10)
    folder = tmp_path / "trials"
    folder.mkdir()
    (folder / "one.csv").write_text(one)
    (folder / "two.csv").write_text(two)
    archive = _archive(tmp_path / "all.tar.xz", {"x/one.csv": one, "x/two.csv": two, "x/readme.txt": "no trials"})
    for paths in ((folder,), (archive,), (folder / "one.csv", folder / "two.csv")):
        found = accuracy_of_trials(read_trials(*paths))
        assert found.loc["a"].to_dict() == {"c100": 0.9, "c05": 0.4}
        assert found.loc["b"].to_dict() == {"c100": 0.8, "c05": 0.1}


def test_the_shape_bias_counts_conflicts_alone() -> None:
    import pandas as pd

    def rows(answers: list[str], image: str = "airplane1-knife2.png") -> pd.DataFrame:
        return pd.DataFrame(
            {"subj": "a", "condition": "0", "category": "airplane", "object_response": answers, "imagename": f"0001_cc_{image}"}
        )

    conflict = rows(["airplane"] * 6 + ["knife"] * 2 + ["bear"] * 3)
    same = rows(["airplane"] * 50, "airplane1-airplane7.png")
    found = shape_bias_of_trials(pd.concat([conflict, same], ignore_index=True))["a"]
    assert (found.shape, found.texture, found.neither, found.bias) == (6, 2, 3, 0.75)
    assert found.interval.low < 0.75 < found.interval.high
    assert math.isnan(shape_bias_of_trials(rows(["bear"]))["a"].bias)
    with pytest.raises(UsageError, match="show no image of one object's shape and another's texture"):
        shape_bias_of_trials(same)
    with pytest.raises(UsageError, match="show no image"):
        shape_bias_of_trials(conflict.drop(columns="imagename"))
    with pytest.raises(UsageError, match="'confidence' of shape_bias_of_trials"):
        shape_bias_of_trials(conflict, confidence=1)


def test_what_is_no_trial_is_said(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("subj,condition\na,b\n")
    with pytest.raises(UsageError, match=r"t\.csv' lack the column category"):
        read_trials(tmp_path / "t.csv")
    (tmp_path / "x.tar.xz").write_bytes(b"nothing")
    with pytest.raises(UsageError, match=r"x\.tar\.xz' cannot be read"):
        read_trials(tmp_path / "x.tar.xz")
    with pytest.raises(UsageError, match="There are no trials in"):
        read_trials(_archive(tmp_path / "none.tar.xz", {"a.txt": "x"}))
    (tmp_path / "e.csv").write_bytes(b"")
    with pytest.raises(UsageError, match=r"e\.csv' cannot be read"):
        read_trials(tmp_path / "e.csv")


def test_the_line_reads_trials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    texts = {
        f"{k}.csv": HEAD + _rows(f"observer-{k}", "c100", 60 + 4 * k, 100) + _rows(f"observer-{k}", "c05", 20 + 5 * k, 100)
        for k in range(6)
    }
    archive = _archive(tmp_path / "contrast.tar.xz", texts)
    assert command(monkeypatch, "line", archive, "--in", "c100", "--out-of", "c05") == 0
    assert "observer-3" in capsys.readouterr().out
    single = tmp_path / "all.csv"
    single.write_text(HEAD + "".join(text.removeprefix(HEAD) for text in texts.values()))
    assert command(monkeypatch, "line", single, "--in", "c100", "--out-of", "c05") == 0
    assert "over 6 models" in capsys.readouterr().out.replace("\n", " ")


def _seen(observer: str, right: list[int], condition: str = "c1") -> str:
    """Trials on numbered images, each right or wrong, shown in an order of the observer's own."""
    rows = [
        f"{observer},1,{i},0.5,{'knife' if each else 'bear'},knife,{condition},"
        f"{(i * 7 + ord(observer)) % 1000:04}_cop_s{ord(observer)}_{condition}_knife_{i}.png\n"
        for i, each in enumerate(right)
    ]
    return "".join(rows)


def test_error_consistency_is_cohens_kappa_of_being_right_in_each_condition(tmp_path: Path) -> None:
    a, b = [1, 1, 1, 1, 0, 0, 1, 0], [1, 1, 0, 1, 0, 1, 1, 0]
    path = tmp_path / "trials.csv"
    path.write_text(
        HEAD
        + _seen("a", a)
        + _seen("b", b)
        + _seen("a", a, "c2")
        + _seen("b", a, "c2")
        + _seen("a", [1] * 4, "c3")
        + _seen("b", [1] * 4, "c3")
    )
    found = error_consistency(read_trials(path))["a", "b"]
    expected = 5 / 8 * 5 / 8 + 3 / 8 * 3 / 8
    assert found.kappa == pytest.approx(((6 / 8 - expected) / (1 - expected) + 1) / 2)
    assert found.observed == pytest.approx((6 / 8 + 1) / 2)
    assert (found.images, found.conditions) == (16, 2)
    assert found.interval.low <= found.kappa <= found.interval.high


def test_independent_errors_are_consistent_by_chance_alone(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0)
    path = tmp_path / "trials.csv"
    path.write_text(HEAD + _seen("a", list(numbers.random(900) < 0.7)) + _seen("b", list(numbers.random(900) < 0.6)))
    found = error_consistency(read_trials(path))["a", "b"]
    assert found.interval.low < 0 < found.interval.high
    assert found.interval.high - found.interval.low < 0.2


def test_observers_without_a_common_image_are_named(tmp_path: Path) -> None:
    path = tmp_path / "trials.csv"
    path.write_text(HEAD + _seen("a", [1, 0]) + _seen("b", [1, 0], "c2"))
    with pytest.raises(UsageError, match="'a' and 'b' share no image"):
        error_consistency(read_trials(path))


def test_the_command_shows_the_consistency_of_trials_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, table = tmp_path / "trials.csv", tmp_path / "table.csv"
    rights = {"a": [1, 1, 0, 1, 0, 1], "b": [1, 0, 0, 1, 0, 1], "c": [1, 1, 1, 1, 0, 1], "d": [0, 0, 0, 1, 0, 1]}
    path.write_text(HEAD + "".join(_seen(name, each, c) for name, each in rights.items() for c in ("c1", "c2")))
    assert command(monkeypatch, "line", path, "--consistency") == 0
    assert "a and b" in capsys.readouterr().out
    table.write_text("model,x,y\n" + "".join(f"m{i},0.{i},0.{i}\n" for i in range(3, 9)))
    assert command(monkeypatch, "line", table, "--in", "x", "--out-of", "y", "--consistency") == 2
    assert "--consistency needs recorded trials" in capsys.readouterr().err


def test_a_band_that_goes_with_human_errors_is_found_and_none_is_told_without_models() -> None:
    import pandas as pd

    from benchmarks.critical_bands import BAND, alike, partial, verdict

    numbers = np.random.default_rng(1)
    human = numbers.random(400) < 0.6
    table = pd.DataFrame({"model": [f"m{i}" for i in range(8)], BAND: np.arange(8.0)})
    seen = {"person": human, "other": np.where(numbers.random(400) < 0.9, human, ~human)}
    models = {f"m{i}": np.where(numbers.random(400) < 0.95 - 0.05 * i, human, numbers.random(400) < 0.6) for i in range(8)}
    trials = pd.DataFrame(
        [
            {
                "subj": name,
                "condition": "c",
                "category": "knife",
                "object_response": "knife" if each else "bear",
                "imagename": f"k{place}.png",
            }
            for name, flags in {**seen, **models}.items()
            for place, each in enumerate(flags)
        ]
    )
    found = alike(table, trials)
    assert found["verdict"] == "reproduced"
    assert found["models with trials"] == 8
    people = alike(table, trials[trials["subj"].isin(seen)])
    assert people["verdict"] == "cannot be measured here"
    assert verdict([(-0.5, 0.1)]) == "inconclusive"
    first, given = numbers.normal(size=(2, 300))
    value, (low, high) = partial(first + given, given - first, given, confidence=0.95)
    assert value < -0.9
    value, (low, high) = partial(first + 3 * given, numbers.normal(size=300) + 3 * given, given, confidence=0.95)
    assert low < 0 < high
