"""Behavioural tests by the command line, and texts rewritten for people to read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from shiftproof._errors import UsageError
from shiftproof.evaluation.behaviour import behaviour, read_behaviour
from shiftproof.models.abstract import Labels
from shiftproof.models.load import as_model
from small_runs import command

MODEL = '''
WORTH = {"good": 1.0, "great": 2.0, "bad": -1.0, "awful": -2.0}


def model(texts):
    """Two classes by the words that it knows; it takes no notice of not."""
    total = [sum(WORTH.get(word, 0.0) for word in text.split()) for text in texts]
    return [[-one, one] for one in total]
'''
LINES: list[dict[str, Any]] = [
    {"type": "MFT", "name": "plain words", "text": "a good film", "label": "pos"},
    {"type": "MFT", "name": "plain words", "text": "a bad film", "label": "neg"},
    {"type": "MFT", "name": "denials", "text": "not good", "label": "neg"},
    {"type": "INV", "name": "typos", "text": "a great film", "edited": ["a greta film", "a great flim"]},
    {"type": "INV", "name": "typos", "text": "a great film", "edited": "a great movie"},
    {"type": "DIR", "name": "stronger", "text": "a good film", "edited": ["a great good film"], "label": "pos", "direction": "up"},
    {"type": "DIR", "name": "stronger", "text": "a good film", "edited": ["an awful good film"], "label": "pos", "direction": "up"},
    {"type": "DIR", "name": "weaker", "text": "a good film", "edited": ["an awful good film"], "label": "pos", "direction": "down"},
]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "mine.py").write_text(MODEL)
    (tmp_path / "tests.jsonl").write_text("\n".join(map(json.dumps, LINES)))
    (tmp_path / "reviews.csv").write_text("review,sentiment\na good film,pos\na bad film,neg\nit is great,pos\n5,neg\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_command_counts_failures(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    line = ("behave", "tests.jsonl", "--model", "mine.py:model", "--classes", "neg,pos")
    assert command(monkeypatch, *line) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "denials: 'not good' -> 'must be neg': pos" in out
    assert "stronger: 'a good film' -> 'an awful good film': pos went by -0.76, and must not go down" in out
    assert command(monkeypatch, *line, "--fail-above", "0.4") == 1
    assert command(monkeypatch, *line, "--fail-above", "1") == 0


def test_what_each_type_asks(place: Path) -> None:
    names = ("neg", "pos")
    scope: dict[str, Any] = {}
    exec(MODEL, scope)
    model = as_model(scope["model"], gives="scores")
    found = {one.test: one for one in behaviour(model, read_behaviour(place / "tests.jsonl", names), class_names=names)}
    assert {name: (one.n, one.failed) for name, one in found.items()} == {
        "plain words": (2, 0),
        "denials": (1, 1),
        "typos": (2, 1),
        "stronger": (2, 1),
        "weaker": (1, 0),
    }
    assert found["typos"].failures == (("a great film", "a greta film", "pos became neg"),)
    assert found["typos"].interval.low < 0.5 < found["typos"].interval.high


class Decides(Labels):
    """A model of decisions only."""

    @property
    def name(self) -> str:
        return "decides"

    def fingerprint(self) -> str:
        return "decides"

    def labels(self, x: Any) -> Any:
        import torch

        return torch.tensor([len(text) % 2 for text in x])


def test_decisions_are_enough_but_for_directions(place: Path) -> None:
    cases = read_behaviour(place / "tests.jsonl", ("neg", "pos"))
    assert behaviour(Decides(), [case for case in cases if case.sort != "DIR"])
    with pytest.raises(UsageError, match="DIR tests need probabilities, and the model 'decides' gives labels only"):
        behaviour(Decides(), cases)


BAD: dict[str, tuple[Any, str]] = {
    "no type": ({"text": "a"}, "The 'type' of .*, case 1 must be MFT, INV or DIR, got None"),
    "no text": ({"type": "MFT", "text": " "}, "must be a text, got ' '"),
    "no label": ({"type": "MFT", "text": "a"}, "must be a class code 0, 1, 2, ... or a class name, got None. Names need --classes"),
    "a strange label": ({"type": "MFT", "text": "a", "label": "poss"}, "Unknown class of .* 'poss'. Did you mean: pos"),
    "no edited text": ({"type": "INV", "text": "a"}, "The 'edited' of .* must be given for INV and DIR"),
    "a number for an edited text": ({"type": "INV", "text": "a", "edited": [1]}, "must be a text or a list of texts"),
    "no direction": ({"type": "DIR", "text": "a", "edited": "b", "label": 0}, "must be up or down for DIR, got ''"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_tests_are_one_line(what: str, tmp_path: Path) -> None:
    row, message = BAD[what]
    (tmp_path / "t.jsonl").write_text(json.dumps(row))
    with pytest.raises(UsageError, match=message) as found:
        read_behaviour(tmp_path / "t.jsonl", ("neg", "pos"))
    assert "\n" not in str(found.value)
    (tmp_path / "t.jsonl").write_text("\n")
    with pytest.raises(UsageError, match="holds no tests"):
        read_behaviour(tmp_path / "t.jsonl")


def test_rewritten_texts_are_written_with_their_verdicts(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = "csv:reviews.csv?text=review&label=sentiment"
    assert (
        command(monkeypatch, "rewrite", "--data", data, "--shift", "antonyms(edits=1)", "--shift", "typos(edits=1)", "--out", "e.jsonl")
        == 0
    )
    out = capsys.readouterr().out
    assert "antonyms(edits=1): 0 kept, 3 changed, 0 need a person; 1 cannot be edited" in out
    rows = [json.loads(line) for line in (place / "e.jsonl").read_text().splitlines()]
    assert {row["meaning"] for row in rows if row["kind"] == "antonyms(edits=1)"} == {"changed"}
    assert all(row["letters"] > 0 for row in rows)
    line = ("audit", "--model", "mine.py:model", "--data", data, "--quiet", "--out", "run")
    assert command(monkeypatch, *line, "--shift", "stored(edits=1, file='e.jsonl')", "--search", "exhaustive") == 0
    assert command(monkeypatch, "rewrite", "--data", "digits:", "--limit", "2", "--shift", "typos(edits=1)", "--out", "f.jsonl") == 2
    assert "rewrite edits texts, and the inputs of 'digits:' are of kind 'image'" in capsys.readouterr().err
