"""One grammar: every command that takes a model takes the same options; parts are listed, explained and completed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import jsonschema
import pytest

from shiftproof.catalogue import registries
from shiftproof.cli._options import part_names
from shiftproof.cli.list import PURPOSES
from shiftproof.cli.main import COMMANDS, app
from shiftproof.evaluation.config import AuditConfig, config_schema
from small_runs import as_typed, command, write_nets

OF_A_MODEL = ("audit", "severity", "trust", "defend", "transfer", "train", "frequency")
SHARED = {"--model", "--weights", "--name", "--box", "--device", "--quiet", "--data", "--out"}


def options_of(name: str) -> set[str]:
    found = app.get_command(click.Context(app), name)
    assert found is not None
    return {word for parameter in found.params for word in parameter.opts}


@pytest.mark.parametrize("name", OF_A_MODEL)
def test_a_command_that_takes_a_model_takes_the_shared_options(name: str) -> None:
    assert SHARED - options_of(name) == set()


@pytest.mark.parametrize("name", OF_A_MODEL)
def test_nothing_is_measured_on_data_that_nobody_named(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    more = {"train": ["--method", "plain"], "defend": ["--threat", "linf(eps=1)", "--unseen", "l2(eps=1)"]}
    shift = ["--shift", "linf(eps=0.1)"] if name in ("severity", "transfer") else []
    nets = write_nets(tmp_path)
    assert as_typed(monkeypatch, name, "--model", f"{nets}:small", *shift, *more.get(name, []), "--out", str(tmp_path / "out")) == 2
    assert "No data were given" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("words", [["compare", "a", "b"], ["leaderboard", "a"], ["line", "a"], ["stress", "a"]], ids=lambda words: words[0])
def test_out_is_a_folder(words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(monkeypatch, *words, "--out", "page.html") == 2
    assert "The '--out' of every command must be a folder" in capsys.readouterr().err


def test_two_models_where_one_is_meant(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", "a.py:x", "--model", "b.py:x", "--data", "digits:", "--method", "plain", "--out", "x"]
    assert command(monkeypatch, *words) == 2
    assert "Two models were given, b.py:x and a.py:x" in capsys.readouterr().err


def test_lists_are_grouped_by_purpose(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(monkeypatch, "list") == 0
    said = capsys.readouterr().out
    for kind, purpose in PURPOSES.items():
        assert f"{kind}: {purpose}" in said
    moves = said[said.index(" a small change of any kind") : said.index(" a part of the image, printed")]
    assert "linf(eps=" in moves
    assert "fog(" not in moves
    assert command(monkeypatch, "list", "shift") == 2
    assert "Unknown kind of part 'shift'. Did you mean: shifts" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["linf", "pgd", "auto", "jpeg", "quick", "mnist_c", "zero_gradients"])
def test_parts_suites_and_flags_are_explained(name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(monkeypatch, "explain", name) == 0
    said = capsys.readouterr().out
    assert len(said.splitlines()) >= 2


def test_an_explanation_has_meaning_cost_and_papers(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(monkeypatch, "explain", "cascade(version=plus)") == 0
    said = capsys.readouterr().out
    assert "Cost" in said
    assert "@inproceedings{croce2020reliable," in said
    assert command(monkeypatch, "explain", "cascad") == 2
    assert "Unknown part 'cascad'. Did you mean: cascade" in capsys.readouterr().err


def complete(words: str) -> list[str]:
    """What a shell is offered after these words."""
    env = {"COMP_WORDS": words, "COMP_CWORD": str(len(words.split(" ")) - 1), "_SHIFTPROOF_COMPLETE": "bash_complete"}
    code = "from shiftproof.cli.main import main; main()"
    ran = subprocess.run([sys.executable, "-c", code], env={**os.environ, **env}, capture_output=True, text=True, check=False)
    return [line.partition(",")[2] for line in ran.stdout.splitlines()]


def test_parts_and_files_are_completed() -> None:
    assert complete("shiftproof audit --search hop") == ["hop_skip_jump"]
    assert complete("shiftproof expl") == ["explain"]


def test_the_names_are_those_of_the_registries() -> None:
    assert set(part_names(["shifts"])) == set(registries()["shifts"].names())


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell(shell: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(monkeypatch, "completion", shell) == 0
    assert "_SHIFTPROOF_COMPLETE" in capsys.readouterr().out


def test_a_shell_that_is_none(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(monkeypatch, "completion", "tcsh") == 2
    assert "Unknown shell 'tcsh'. Did you mean: zsh" in capsys.readouterr().err


def test_the_schema_takes_good_files_and_refuses_bad_ones(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(monkeypatch, "schema") == 0
    schema = json.loads(capsys.readouterr().out)
    assert schema == json.loads(json.dumps(config_schema()))
    assert schema["properties"].keys() == AuditConfig.model_fields.keys()
    good = {"model": "a.py:b", "data": "digits:", "shifts": ["linf(eps=0.1)"], "fail_on": "accuracy < 0.5", "box": [0, 1], "budget": "10m"}
    jsonschema.validate(good, schema)
    for bad in ({"limit": "3"}, {"shifts": [3]}, {"modle": "a"}, {"box": [0]}, {"model": 3}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(bad, schema)
    assert command(monkeypatch, "schema", "audti") == 2
    assert "Unknown schema 'audti'. Did you mean: audit" in capsys.readouterr().err


def test_every_command_has_a_page_of_help() -> None:
    for name in COMMANDS:
        found = app.get_command(click.Context(app), name)
        assert found is not None
        assert found.help


def test_prices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    nets = write_nets(tmp_path)
    words = ["audit", "--model", f"{nets}:small", "--data", "digits:", "--limit", "8", "--shift", "linf(eps=0.1)", "--search", "one_draw"]
    for price, message in (("1", "must be two numbers, for a million tokens"), ("1/2", "A --price is for endpoints and models of texts")):
        assert command(monkeypatch, *words, "--plan", "--price", price) == 2
        assert message in capsys.readouterr().err
    assert command(monkeypatch, *words, "--price", "1/2", "--out", tmp_path / "x") == 2
    assert re.search("A --price is for showing a plan: add --plan", capsys.readouterr().err)
