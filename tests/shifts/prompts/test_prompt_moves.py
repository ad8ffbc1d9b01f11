"""Layouts of prompts: every value of every part is reached, the words stay, and what cannot be moved is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import shiftproof as sp
from chat_stub import Served, completion, serving
from shiftproof._errors import UsageError
from shiftproof.data.prompts import PAIRS, PARTS, Layout, Prompt, PromptRow, PromptSpace
from shiftproof.data.rows import Items
from shiftproof.randomness import Rng
from shiftproof.shifts.prompts.option_order import OptionOrder
from shiftproof.shifts.prompts.pressure import CLAIMS, Pressure
from shiftproof.shifts.prompts.prompt_format import PromptFormat
from small_runs import command, record

PROMPT = Prompt(fields=(("text", "Sentence"),), answer="Mood", options=("bad", "good"))
LISTED = Prompt(fields=(("text", "Sentence"),), answer="Mood", options=("bad", "good", "none"), list_options=True)


def test_every_move_is_another_layout_of_the_same_words() -> None:
    row = PromptRow(PROMPT, {"text": "So good."})
    shift = PromptFormat()
    layouts = {shift.edited(row, edits).layout for edits in shift.every(row) if edits}
    assert len(layouts) == 4 * len(PAIRS) - 1
    assert row.layout not in layouts
    listed = PromptRow(LISTED, {"text": "So good."})
    assert shift.places(listed) == list(range(5))
    assert [shift.choices(listed, place) + 1 for place in range(5)] == list(PARTS.values())


def test_draws_change_as_many_parts_as_are_allowed() -> None:
    rows = Items([PromptRow(LISTED, {"text": f"text {place}"}) for place in range(50)])
    rng = Rng.for_ids(0, [str(place) for place in range(50)])
    for edits in (1, 2, 5):
        shift = PromptFormat(edits=edits)
        moved = shift.apply(rows, shift.sample(rows, rng))
        changed = [
            sum(one != other for one, other in zip(vars(row.layout).values(), vars(Layout()).values(), strict=True)) for row in moved
        ]
        assert set(changed) == {edits}


def test_orders_of_options() -> None:
    row = PromptRow(LISTED, {"text": "So good."})
    shift = OptionOrder()
    orders = [shift.edited(row, edits) for edits in shift.every(row) if edits]
    assert len({str(one).split("Options: ")[1].split("\n")[0] for one in orders} | {str(row)}) == 6
    with pytest.raises(UsageError, match=r"option_order needs a prompt that lists its options\. Write list_options = true"):
        shift.within(PromptSpace(PROMPT))
    with pytest.raises(UsageError, match=r"prompt_format needs a prompt with fields, as a template has one layout"):
        PromptFormat().within(PromptSpace(Prompt(template="{text}")))


def test_pressure_claims_each_option_in_each_way_and_moves_nothing_else() -> None:
    row = PromptRow(LISTED, {"text": "So good."})
    shift = Pressure()
    moved = [shift.edited(row, edits) for edits in shift.every(row) if edits]
    claims = [claim.format(option) for claim in CLAIMS for option in LISTED.options]
    assert [str(one) for one in moved] == [str(row).replace("So good.", f"So good. {claim}") for claim in claims]
    with pytest.raises(UsageError, match="pressure claims one of the prompt's options, and it has none"):
        shift.within(PromptSpace(Prompt(fields=(("text", "Sentence"),))))


def test_a_slot_is_moved_and_nothing_else() -> None:
    rows = Items([PromptRow(PROMPT, {"text": "Sentence about a sentence"})])
    shift = sp.On("text", "typos(edits=1)").within(PromptSpace(PROMPT))
    moved = shift.apply(rows, shift.sample(rows, Rng.for_ids(0, ["a"])))
    (one,) = moved
    assert str(one).startswith("Sentence: ")
    assert str(one).endswith("\nMood:")
    assert one.slots["text"] != "Sentence about a sentence"
    with pytest.raises(UsageError, match="Unknown slot of the prompt 'txt'. Did you mean: text"):
        sp.On("txt", "typos(edits=1)").within(PromptSpace(PROMPT))


def fond_of_colons(prompt: str) -> Served:
    """Sees the mood of the last sentence only where fields are separated as usual."""
    last = prompt.rpartition("\n\n")[2]
    sure = "great" in last.lower() if ": " in last else True
    return completion("x", top={" pos": -0.1 if sure else -3.0, "negative": -3.0 if sure else -0.1})


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    lines = [{"sentence": f"a {'great' if i % 2 else 'dull'} film {i}", "label": i % 2} for i in range(12)]
    (tmp_path / "sst2.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (tmp_path / "sentiment.toml").write_text(
        'instruction = "Negative or positive?"\nanswer = "Sentiment"\noptions = ["negative", "positive"]\n[fields]\nsentence = "Sentence"\n'
    )
    monkeypatch.chdir(tmp_path)
    with serving(fond_of_colons) as stub:
        yield stub.url


def test_the_line_of_the_guide(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    line = ["audit", "--model", f"chat:{place}#smollm2", "--model-version", "q4_1", "--data", "jsonl:sst2.jsonl?text=sentence&label=label"]
    line += ["--prompt", "sentiment.toml", "--judge", "choice(read=logprobs)", "--shift", "prompt_format", "--search", "best_of_n(n=10)"]
    assert command(monkeypatch, *line, "--quiet", "--out", "runs/format") == 0
    found = record(Path("runs/format"))
    assert found["clean"]["accuracy"] == 1.0
    assert found["judge"]["spec"] == "choice(words='negative|positive', read=logprobs)"
    robust = next(r for r in found["results"] if r["measure"] == "robust_right_choice")
    assert robust["value"] == 0.5, "those that are negative fail in some layout"
    assert found["data"]["class_names"] == ["negative", "positive"]
    page = Path("runs/format/index.html").read_text()
    assert len(page) < 1_000_000
    assert np.isfinite(robust["interval"]).all()
