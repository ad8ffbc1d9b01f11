"""What a language model behind an endpoint is known by: a server that starts again on another port is known by the name of its state."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chat_stub import Served, completion, serving
from shiftproof.models.chat import load_chat
from small_runs import command, record


def known(url: str, version: str | None = None) -> str:
    return load_chat(f"chat:{url}#m", version=version).fingerprint()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.0.1", "localhost", "[::1]"])
def test_the_port_of_this_machine_counts_only_without_a_name_for_the_state(host: str) -> None:
    one, other = f"http://{host}:1/v1", f"http://{host}:2/v1"
    assert known(one) != known(other)
    assert known(one, "2") == known(other, "2") != known(other, "3")
    assert known(one, "2") != known(f"http://{host}:1/v2", "2")


@pytest.mark.parametrize("host", ["host.example", "10.0.0.1", "localhost.example"])
def test_the_port_of_another_machine_counts(host: str) -> None:
    assert known(f"http://{host}:1/v1", "2") != known(f"http://{host}:2/v1", "2")
    assert known(f"http://me:secret@{host}:1/v1", "2") == known(f"http://{host}:1/v1", "2")


def test_the_note_asks_for_a_name_only_where_there_is_none() -> None:
    (asks,) = load_chat("chat:http://127.0.0.1:1/v1#m").notes
    (tells,) = load_chat("chat:http://127.0.0.1:1/v1#m", version="q4").notes
    assert "Name its state with --model-version" in asks
    assert "your name for its state, 'q4': a stored answer is not asked for again." in tells


def yellow(prompt: str) -> Served:
    return completion("yellow")


def test_a_run_goes_on_where_the_server_starts_again_on_another_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "q.jsonl").write_text("".join(json.dumps({"q": f"A lemon, {i}?", "a": "yellow"}) + "\n" for i in range(6)))
    line = ["--data", f"jsonl:{tmp_path / 'q.jsonl'}?text=q&target=a", "--judge", "exact_match", "--model-version", "2"]
    line += ["--shift", "casing(edits=1)", "--search", "one_draw", "--out", str(tmp_path / "run"), "--quiet"]
    with serving(yellow) as first:
        assert command(monkeypatch, "audit", "--model", f"chat:{first.url}#m", *line, "--max-requests", "15") == 3
    with serving(yellow) as second:
        assert command(monkeypatch, "audit", "--model", f"chat:{second.url}#m", *line) == 0
    assert first.url != second.url
    assert len(first.prompts) == 15, "six probes, which are looked at twice, and three that are moved"
    assert len(second.prompts) == 3, "nothing that the first server answered is sent to the second"
    assert not {*first.prompts} & {*second.prompts}
    found = record(tmp_path / "run")
    assert found["complete"]
    assert found["model"]["fingerprint"].count("+version:2") == 1
