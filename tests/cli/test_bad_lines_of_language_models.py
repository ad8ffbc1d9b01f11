"""What a line for a language model gets wrong is said before any work, and never with the key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chat_stub import Served, completion, serving
from small_runs import command

PAGE: Served = (200, {}, b"<html>Log in, please</html>")


@pytest.fixture
def line(tmp_path: Path) -> list[str]:
    (tmp_path / "q.jsonl").write_text(json.dumps({"q": "What is 1 + 1?", "a": "2"}) + "\n", encoding="utf-8")
    (tmp_path / "m.py").write_text("def said(texts):\n    return ['2' for _ in texts]\n", encoding="utf-8")
    return [
        "audit",
        "--model",
        f"{tmp_path / 'm.py'}:said",
        "--data",
        f"jsonl:{tmp_path / 'q.jsonl'}?text=q&target=a",
        "--judge",
        "exact_match",
    ]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--shift", "casing(edits=1)", "--budget", "0"], "The 'budget' of the audit must be a time, rows or tokens, above 0"),
        (["--shift", "distractors", "--out", "r"], "shift 'distractors' needs edits: write distractors(edits=1)."),
        (
            ["--shift", "prompt_format", "--search", "one_draw", "--out", "r"],
            "prompt_format moves prompt data, and these inputs are of kind 'text'. Write the texts into a prompt with --prompt.",
        ),
        (["--shift", "casing(edits=1)"], "No output folder was given. Name it with --out runs/NAME."),
    ],
)
def test_what_is_said(
    line: list[str], more: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command(monkeypatch, *line, *more) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "r").exists()


def test_an_endpoint_that_answers_with_a_page(
    line: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _: None)
    with serving(lambda _: PAGE) as stub:
        line[2] = f"chat:{stub.url}#m"
        code = command(monkeypatch, *line, "--shift", "casing(edits=1)", "--search", "one_draw", "--out", str(tmp_path / "r"))
    said = " ".join("".join(capsys.readouterr()).split())
    assert code == 2
    assert "gave no answer to 1 of 1 inputs. The endpoint" in said
    assert "failed 5 times, last with: " in said
    assert "JSON" in said


def test_a_missing_key_is_named_and_a_wrong_one_never_shown(
    line: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(lambda _: completion("2")) as stub:
        stub.answer = lambda _: (401, {}, b"no key, or not hush-hush-hush")
        line[2] = f"chat:{stub.url}#m"
        for key in (None, "Bearer hush-hush-hush"):
            monkeypatch.delenv("SHIFTPROOF_ENDPOINT_AUTH", raising=False)
            if key:
                monkeypatch.setenv("SHIFTPROOF_ENDPOINT_AUTH", key)
            assert command(monkeypatch, *line, "--shift", "casing(edits=1)", "--out", str(tmp_path / "r")) == 2
            said = " ".join("".join(capsys.readouterr()).split())
            assert "Set SHIFTPROOF_ENDPOINT_AUTH to the value of its Authorization header" in said
            assert key is None or "hush-hush-hush" not in said
