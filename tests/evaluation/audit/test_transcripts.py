from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import shiftproof as sp
from chat_stub import continuation, serving
from shiftproof.records.transcripts import read_transcripts


def colour(texts: list[str]) -> list[str]:
    return ["yellow" if "lemon" in text else "no idea" for text in texts]


def audited(folder: Path, search: str) -> Path:
    path = folder / "q.jsonl"
    path.write_text("".join(json.dumps({"q": f"A lemon, {i}?", "a": "yellow"}) + "\n" for i in range(8)), encoding="utf-8")
    model = sp.as_answers(colour, said="texts")
    out = folder / "out"
    sp.audit(model, data=f"jsonl:{path}?text=q&target=a", judge="exact_match", shifts=["typos(edits=1)"], searches=[search], out=str(out))
    return out


def test_a_run_of_texts_keeps_what_was_asked_and_said(tmp_path: Path) -> None:
    found = read_transcripts(audited(tmp_path, "one_draw"))
    assert found is not None
    assert (found.base, found.variants, found.searched) == ("identity", ["identity", "typos(edits=1)"], [])
    for own in found.by_item().values():
        for one in own.values():  # the replayed prompt is the one that gave this answer
            assert colour([one.prompt]) == [one.said]
            assert one.score == float(one.said == "yellow")
    assert any(own["identity"].prompt != own["typos(edits=1)"].prompt for own in found.by_item().values())


def test_moves_that_were_searched_are_named_so(tmp_path: Path) -> None:
    found = read_transcripts(audited(tmp_path, "exhaustive"))
    assert found is not None
    assert found.searched == ["typos(edits=1)"]
    assert all(own["typos(edits=1)"].score == 0.0 for own in found.by_item().values())


def talk(inputs: list[Any]) -> list[str]:
    return ["sure" if isinstance(one, str) else f"not {one[1]['content']}" for one in inputs]


def test_a_second_turn_shows_what_the_model_answered_in_the_first(tmp_path: Path) -> None:
    data = sp.examples(["Is it?"] * 3, [("sure",)] * 3)
    out = tmp_path / "out"
    sp.audit(
        sp.as_answers(talk, said="texts"), data=data, judge="exact_match", shifts=["are_you_sure"], searches=["one_draw"], out=str(out)
    )
    found = read_transcripts(out)
    assert found is not None
    doubted = [one for one in found.exchanges if one.variant == "are_you_sure"]
    assert all(one.prompt.splitlines()[1] == "assistant: sure" and one.said == "not sure" for one in doubted)


def test_a_prompt_without_chats_is_shown_as_it_is_sent(tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text('answer = "Mood"\n[fields]\nq = "Text"\n', encoding="utf-8")
    (tmp_path / "q.jsonl").write_text("".join(json.dumps({"q": f"A, {i}.", "a": "yes"}) + "\n" for i in range(8)), encoding="utf-8")
    how: dict[str, Any] = {
        "data": f"jsonl:{tmp_path / 'q.jsonl'}?text=q&target=a",
        "prompt": str(tmp_path / "p.toml"),
        "judge": "exact_match",
    }
    with serving(lambda _: continuation("yes")) as stub:
        out = str(tmp_path / "out")
        sp.audit(f"completions:{stub.url}#m", **how, shifts=["prompt_format"], searches=["one_draw"], out=out, model_version="1")
    found = read_transcripts(tmp_path / "out")
    assert found is not None
    assert {one.prompt for one in found.exchanges} <= {*stub.prompts}
    assert any(one.prompt != one.prompt.rstrip() for one in found.exchanges)
