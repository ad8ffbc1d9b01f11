"""`shiftproof leaderboard`, as people run it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from sample_audit import sample_audit, write_run
from small_entries import LINF
from small_runs import command, right_of, write_nets

SHIFT = "linf(eps=0.1)"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two networks on the same digits, and the better of them on fewer."""
    folder = tmp_path_factory.mktemp("leaderboard")
    nets = write_nets(folder)
    with pytest.MonkeyPatch.context() as patch:
        for name, net, limit in (("good", "nearest", 60), ("untrained", "small", 60), ("fewer", "nearest", 30)):
            words = [
                "audit",
                "--model",
                f"{nets}:{net}",
                "--data",
                "digits:",
                "--limit",
                limit,
                "--shift",
                SHIFT,
                "--search",
                "gradient_ascent(steps=3)",
            ]
            words += ["--search", "best_of_n(n=2)", "--pictures", 0, "--quiet", "--out", folder / "runs" / name]
            assert command(patch, *words) == 0
    return folder / "runs"


def test_runs_are_ranked_by_pairs(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(monkeypatch, "leaderboard", runs, "--json", "--out", tmp_path / "page", "--export", tmp_path / "out") == 0
    printed = capsys.readouterr()
    found = json.loads(printed.out)
    (section,) = found["sections"]
    assert section["threat"] == SHIFT
    many, few = section["boards"]
    assert [(Path(p["entry"]["origin"]["source"]).name, p["rank"], p["test"]) for p in many["places"]] == [
        ("good", 1, "first"),
        ("untrained", 2, "paired"),
    ]
    assert [Path(p["entry"]["origin"]["source"]).name for p in few["places"]] == ["fewer"]
    right = [right_of(runs / "good", SHIFT, search) for search in ("gradient_ascent(steps=3)", "best_of_n(n=2)")]
    together = sum(all(verdicts[name] for verdicts in right) for name in right[0])
    attacked = many["places"][0]["entry"]["attacked"]
    assert (attacked[0]["search"], attacked[0]["value"]) == ("union", together / 60)
    assert "Page: " in printed.err
    assert "Wrote 3 files of RobustBench's format" in printed.err
    assert (tmp_path / "page" / "leaderboard.html").exists()
    assert command(monkeypatch, "leaderboard", tmp_path / "out" / "entries.json", "--json") == 0
    assert {p["entry"]["model"] for p in json.loads(capsys.readouterr().out)["sections"][0]["boards"][0]["places"]} == {
        place["entry"]["model"] for place in many["places"]
    }


def test_the_table(runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert command(monkeypatch, "leaderboard", runs / "good", runs / "untrained") == 0
    out = capsys.readouterr().out
    assert f"{SHIFT} on digits:" in out
    assert "60 examples under gradient_ascent(steps=3), best_of_n(n=2), measured here" in " ".join(out.split())
    assert "Attacked: at most" in out


def test_published_entries_beside_runs(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "digits" / "Linf"
    folder.mkdir(parents=True)
    for name in ("a", "b"):
        (folder / f"{name}.json").write_text(json.dumps({**LINF, "dataset": "digits:", "eps": "0.1"}))
    page = tmp_path / "page" / "leaderboard.html"
    words = [
        "leaderboard",
        runs / "good",
        "--robustbench",
        folder / "a.json",
        folder / "b.json",
        "--threat",
        "linf(eps=.1)",
        "--out",
        page.parent,
    ]
    assert command(monkeypatch, *words) == 0
    text = page.read_text()
    assert text.count(">as published, not re-measured</span>") == 1
    assert "2 tables that must not be read as one ranking: published numbers were not re-measured here" in text


BAD = {
    "nothing": ([], "There is nothing to rank. Name folders of runs"),
    "a folder without audits": (["{empty}"], "The folder '.*empty' holds no audit: there is no audit.json in it or below"),
    "no such folder": (["{none}"], "The folder '.*none' does not exist"),
    "a broken file": (["--robustbench", "{broken.json}"], "The file '.*broken.json' cannot be read as JSON"),
    "a broken key": (["--robustbench", "{Linf/bad.json}"], "The 'clean_acc' of '.*bad.json' must be a percentage from 0 to 100"),
    "an unknown key": (["--robustbench", "{Linf/key.json}"], "Unknown key in '.*key.json' 'enternal'. Did you mean: external"),
    "an unknown threat": (
        ["{run}", "--threat", "linf(eps=9/255)"],
        r"Unknown threat 'linf\(eps=9/255\)'. Did you mean: .*eps=8/255",
    ),
    "an unwritable page": (["{run}", "--threat", "l2", "--out", "{file}/page"], "The output folder '.*file' cannot be written"),
    "an unwritable folder": (["{run}", "--threat", "l2", "--export", "{file}"], "The output folder '.*file' cannot be written"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "Linf").mkdir()
    (tmp_path / "Linf" / "bad.json").write_text(json.dumps({**LINF, "clean_acc": "many"}))
    (tmp_path / "Linf" / "key.json").write_text(json.dumps({**LINF, "enternal": "1"}))
    write_run(tmp_path / "run", sample_audit())
    words, message = BAD[case]
    given = [re.sub(r"\{(.*?)\}", lambda found: str(tmp_path / found[1]), word) for word in words]
    assert command(monkeypatch, "leaderboard", *given) == 2
    assert re.match(f"shiftproof: {message}", capsys.readouterr().err)
