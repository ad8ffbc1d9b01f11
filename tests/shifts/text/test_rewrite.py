"""What all rewriting edits share: places, overlaps, cases, tables, probes outside the budget, and what is left alone."""

from __future__ import annotations

import gzip
import itertools
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import shiftproof as sp
from golden_edits import rewrite
from shiftproof._errors import UsageError
from shiftproof._part import option_types
from shiftproof.data.rows import Items
from shiftproof.data.space import TextSpace
from shiftproof.randomness import Rng
from shiftproof.shifts import Rewrite, shifts
from shiftproof.shifts.text.edit_cost import edit_cost
from shiftproof.shifts.text.letters.word_bugs import WordBugs
from shiftproof.shifts.text.lexicon import parsed
from shiftproof.shifts.text.rewrite import DROPPED, UNKNOWN, like, others, rule_of
from shiftproof.shifts.text.sentences.rewritten import Rewritten
from shiftproof.shifts.text.sentences.stored import Stored
from shiftproof.shifts.text.words.common_synonyms import CommonSynonyms
from shiftproof.shifts.text.words.dropped_words import DroppedWords
from shiftproof.shifts.text.words.neighbours import Neighbours

PARTS = {name: shifts.get(name) for name in shifts.names()}
OWN = [name for name, part in PARTS.items() if issubclass(part, Rewrite) and [*option_types(part)] == ["edits"]]
ODD = [
    "",
    " ",
    "a",
    "A.",
    "don't",
    "İstanbul ı ſ ǆ ß",
    "🎬🏿 film",
    "مرحبا film",
    "e\u0301 a\u0308",
    "line\nline\ttab",
    "\ufeffgood",
    "x" * 3000,
]


def test_sixty_edits_and_more_are_there() -> None:
    assert len(OWN) >= 90


@pytest.mark.skipif(not os.environ.get("SHIFTPROOF_DATA"), reason="SHIFTPROOF_DATA does not name a folder with SST-2")
def test_sixty_edits_and_more_change_a_tenth_of_sst_2() -> None:
    """An edit that can change nothing in nine of ten sentences is not counted; three are of numbers and names, which few of them have."""
    file = Path(os.environ["SHIFTPROOF_DATA"]) / "text" / "sent" / "stsa.binary.dev.gz"
    texts = [line[2:] for line in gzip.decompress(file.read_bytes()).decode("latin-1").splitlines()]
    share = {name: np.mean([bool(shifts.build(f"{name}(edits=1)").places(text)) for text in texts]) for name in OWN}  # type: ignore[attr-defined]
    assert sum(value >= 0.1 for value in share.values()) >= 60
    assert {name for name, value in share.items() if value < 0.1} == {"changed_numbers", "person_names", "place_names"}


@pytest.mark.parametrize("name", OWN)
def test_odd_texts_are_moved_legally_or_left(name: str) -> None:
    part = shifts.build(f"{name}(edits=2)")
    x = Items(ODD)
    params = part.sample(x, Rng.for_ids(0, [str(row) for row in range(len(ODD))]))
    assert part.excess(x, params).max() == 0
    after = [*part.apply(x, params)]
    assert all(isinstance(text, str) for text in after)
    assert all(after[row].strip() for row, text in enumerate(ODD) if text.strip())
    assert TextSpace().holds(x[2:], Items(after[2:]))


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="ab cdeAB.,' -é\u200b🎬it not the", min_size=1, max_size=40), st.sampled_from(OWN))
def test_a_move_of_one_edit_changes_its_site_only(text: str, name: str) -> None:
    part = shifts.build(f"{name}(edits=1)")
    assert isinstance(part, Rewrite)
    found = part.found(text)
    assert list(found.places) == sorted(set(found.places))
    for place in found.places[:4]:
        end, choices = found.at[place]
        assert 0 <= place <= end <= len(text)
        for choice, new in enumerate(choices[:3]):
            whole = text[:place] + new + text[end:]
            assert part.edited(text, [(place, choice)]) == (whole if whole.strip() else text)


def test_an_edit_that_overlaps_the_one_before_is_not_made() -> None:
    shift = rewrite("swapped_letters(edits=2)")
    assert shift.edited("cheap", [(1, 0), (2, 0)]) == shift.edited("cheap", [(1, 0)]) == "cehap"


def test_nothing_is_left_empty() -> None:
    assert DroppedWords(edits=2).edited("it is ", [(0, 0), (3, 0)]) == "it is "


def test_probes_stand_outside_the_budget() -> None:
    shift = WordBugs(edits=1)
    x = Items(["cheap wine"])
    for code, after in ((UNKNOWN, "[UNK] wine"), (DROPPED, " wine")):
        params = torch.tensor([[[0.0, float(code)]]], dtype=torch.float64)
        assert [*shift.apply(x, params)] == [after]
        assert shift.excess(x, params).tolist() == [1.0]
        assert shift.project(x, params).tolist() == [[[-1.0, -1.0]]]


def test_word_bugs_are_all_of_four_ways() -> None:
    _, choices = WordBugs(edits=1).found("cat").at[0]
    letters = "abcdefghijklmnopqrstuvwxyz"
    by_hand = {"act", "cta", "at", "ct", "ca"}
    by_hand |= {"cat"[:at] + one + "cat"[at + 1 :] for at, one in itertools.product(range(3), letters)}
    by_hand |= {"cat"[:at] + one + "cat"[at:] for at, one in itertools.product(range(4), letters)}
    assert set(choices) == by_hand - {"cat"}
    assert len(choices) == 2 + 3 * 25 + 3 + 4 * 26
    assert choices[:2] == ["act", "cta"]
    with pytest.raises(IndexError):
        choices[len(choices)]


def test_cases_are_kept() -> None:
    assert [like(word, "fine") for word in ("good", "Good", "GOOD", "I")] == ["fine", "Fine", "FINE", "Fine"]
    assert others("Good", ["fine", "FINE", "good"]) == ("Fine", "FINE")
    assert CommonSynonyms(edits=1).edited("A Great film", [(2, 0)]) == "A Terrific film"


def test_rules_for_the_truth() -> None:
    assert {rule_of(shifts.build(f"{name}(edits=1)")) for name in ("typos", "antonyms", "negation")} == {"kept", "changed", "person"}


@pytest.mark.parametrize(
    ("one", "two", "cost"), [("", "", (0, 0)), ("abc", "abc", (0, 0)), ("kitten", "sitting", (3, 1)), ("a b", "a c b", (2, 1))]
)
def test_edit_costs_by_hand(one: str, two: str, cost: tuple[int, int]) -> None:
    assert edit_cost(one, two) == edit_cost(two, one) == cost


@settings(max_examples=80, deadline=None)
@given(st.text("ab", max_size=6), st.text("ab", max_size=6), st.text("ab", max_size=6))
def test_the_edit_cost_is_a_distance(one: str, two: str, three: str) -> None:
    assert (edit_cost(one, two).letters == 0) == (one == two)
    assert edit_cost(one, three).letters <= edit_cost(one, two).letters + edit_cost(two, three).letters


def stored(folder: Path, *rows: Any) -> Stored:
    (folder / "e.jsonl").write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows))
    return Stored(edits=1, file=str(folder / "e.jsonl"))


def test_stored_edits_move_the_truth_where_they_say_so(tmp_path: Path) -> None:
    shift = stored(tmp_path, {"text": "good", "edited": "not good", "label": 0}, {"text": "good", "edited": "fine"}, "")
    x, y = Items(["good", "good", "other"]), torch.tensor([1, 1, 1])
    params = shift.params([[(0, 0)], [(0, 1)], []])
    assert [*shift.apply(x, params)] == ["not good", "fine", "other"]
    assert shift.carry(x, y, params).tolist() == [0, 1, 1]
    assert y.tolist() == [1, 1, 1]
    assert shift.carry(x, Items("abc"), params) is not None


def test_a_file_that_changes_is_another_shift(tmp_path: Path) -> None:
    first = stored(tmp_path, {"text": "good", "edited": "fine"})
    assert f"sha256={first.sha256}" in first.spec().replace("'", "")
    again = shifts.build(first.spec())
    assert again == first
    second = stored(tmp_path, {"text": "good", "edited": "nice"})
    assert second != first
    with pytest.raises(UsageError, match=f"The 'sha256' of stored must be {second.sha256}, that of the file .* as it is"):
        shifts.build(first.spec())


BAD: dict[str, tuple[Any, str]] = {
    "no file": (lambda place: Stored(edits=1, file=str(place / "none.jsonl")), "There is no file"),
    "no JSON": (lambda place: stored(place, "text"), "Cannot read '.*' as edited texts .* It must be JSONL"),
    "no object": (lambda place: stored(place, "[1]"), "Line 1 of '.*' must be a JSON object, got list"),
    "no edited text": (lambda place: stored(place, {"text": "a"}), "must have `text` and `edited`, two texts"),
    "a word for a label": (lambda place: stored(place, {"text": "a", "edited": "b", "label": "x"}), "must be a class code"),
    "nothing": (lambda place: stored(place, {"text": "a", "edited": "a"}), "has no edited text. Each line"),
    "no kind": (
        lambda place: Stored(edits=1, file=stored(place, {"text": "a", "edited": "b"}).file, kind="x"),
        "no edited text of kind 'x'",
    ),
    "no table": (
        lambda place: list(Neighbours(edits=1, file=stored(place, {"text": "a", "edited": "b"}).file).sites("a")),
        "map words to lists",
    ),
    "no neighbours": (lambda place: Neighbours(edits=1, file="x", most=0), "The 'most' of neighbours must be at least 1"),
    "no function": (lambda _: shifts.build("rewritten(edits=1, by='math:pi')"), "The 'by' of rewritten must name a function"),
    "other code": (
        lambda _: shifts.build("rewritten(edits=1, by='math:floor', code=x)"),
        "The 'code' of rewritten must be .*, that of 'math:floor'",
    ),
    "numbers for texts": (
        lambda _: list(rewrite("rewritten(edits=1, by='builtins:len')").found("ab")),
        "The 'answer' of the function 'builtins:len' must be a text or a list of texts",
    ),
    "no lists": (lambda _: rewrite("masked_words(edits=1, by='operator:mul')").found("ab b"), "be 2 lists of words"),
    "no line": (lambda _: parsed("one two"), "The 'line' of a table of words must be `old: new | new`"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_one_line(what: str, tmp_path: Path) -> None:
    make, message = BAD[what]
    with pytest.raises(UsageError, match=message) as found:
        make(tmp_path)
    assert "\n" not in str(found.value)


def test_misspellings_are_the_list_read_backwards() -> None:
    pytest.importorskip("codespell_lib", reason="the list of misspellings is that of codespell")
    shift = shifts.build("misspellings(edits=1)")
    assert isinstance(shift, Rewrite)
    _, choices = shift.found("beautiful").at[0]
    assert "beatiful" in choices
    assert shifts.build(shift.spec()) == shift
    with pytest.raises(UsageError, match=r"The 'version' of misspellings must be .*, that of the codespell that is installed"):
        shifts.build("misspellings(edits=1, version='0')")


def test_texts_that_nothing_can_edit_are_flagged(tmp_path: Path) -> None:
    shift = stored(tmp_path, {"text": "good", "edited": "not good"})
    model = sp.as_model(lambda texts: [[0.0, float("not" not in text)] for text in texts], gives="scores", name="by hand")
    found = sp.confront(model, shift, search=sp.OneDraw(), examples=sp.examples(["good", "other", "fine", "well"], [1, 1, 1, 1]))
    (flag,) = [flag for flag in found.flags if flag.name == "nothing_to_edit"]
    assert flag.share == 0.75
    assert found.outcome.tolist() == ["broken", "held", "held", "held"]
    whole = sp.confront(model, shift, search=sp.OneDraw(), examples=sp.examples(["good"], [1]))
    assert not [flag for flag in whole.flags if flag.name == "nothing_to_edit"]


def test_a_function_edited_in_one_process_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "ways.py"
    file.write_text("def turn(text):\n    return text.upper()\n", encoding="utf-8")
    before = Rewritten(edits=1, by=f"{file}:turn")
    assert before.found("good film").at[0][1] == ("GOOD FILM",)
    file.write_text("def turn(text):\n    return text.title()\n", encoding="utf-8")
    assert Rewritten(edits=1, by=f"{file}:turn").found("good film").at[0][1] == ("Good Film",)
    with pytest.raises(UsageError, match="It has changed since"):
        before.find("other film")


def test_a_file_of_edits_changed_in_one_process_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "edited.jsonl"
    for edited in ("a fine film", "a nice film"):
        file.write_text(json.dumps({"text": "a good film", "edited": edited}), encoding="utf-8")
        assert Stored(edits=1, file=str(file)).found("a good film").at[0][1] == (edited,)
