"""Pages of language models: a further turn is no other way to write the first, and moves of one field are kept apart by what moves it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import shiftproof as sp


def talk(inputs: list[Any]) -> list[str]:
    """Sure of a text in lower case, and of nothing that is doubted."""
    return ["yes" if isinstance(one, str) and "it 's" in one else "no" for one in inputs]


def test_a_run_of_prompts_with_a_second_turn(tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text('answer = "Is it"\n[fields]\nq = "Text"\n', encoding="utf-8")
    (tmp_path / "q.jsonl").write_text("".join(json.dumps({"q": f"it 's {i}", "a": "yes"}) + "\n" for i in range(6)), encoding="utf-8")
    moves = ["are_you_sure", "on(field=q, inner=casing(edits=3))", "on(field=q, inner=persona(edits=1))"]
    sp.audit(
        sp.as_answers(talk, said="texts"),
        data=f"jsonl:{tmp_path / 'q.jsonl'}?text=q&target=a",
        prompt=str(tmp_path / "p.toml"),
        judge="exact_match",
        shifts=moves,
        searches=["one_draw"],
        out=str(tmp_path / "out"),
    )
    found = json.loads((tmp_path / "out/audit.json").read_text())
    assert {one["family"] for one in found["results"]} >= {"are_you_sure", "casing in q", "persona in q"}
    cells = {one["shift"]: one["meaning"] for one in found["cells"]}
    assert not cells["are_you_sure"]
    assert cells[moves[1]]
    page = (tmp_path / "out/index.html").read_text()
    gallery = page.partition('id="gallery"')[2].partition("</section>")[0]
    doubted, _, cased = gallery.partition("casing in q")
    assert "assistant: yes" in doubted
    assert "(its own answer)" not in page
    assert "meaning:" not in doubted
    assert "meaning:" in cased
