from __future__ import annotations

import json
from pathlib import Path

import shiftproof as sp
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
