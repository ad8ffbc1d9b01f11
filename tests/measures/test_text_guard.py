"""The guard on pairs whose verdict is plain to a reader, and on every edit whose rule says what it does to the truth."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shiftproof.measures.text_guard import guard

HERE = Path(__file__).parents[1] / "shifts" / "text"
KEPT = [
    ("it is great", "it is great"),
    ("The film is great.", "the   FILM is great"),
    ("the film is great", "the fi\u200bl\u200bm is gr\u0435at"),
    ("the film is great", "the flim is graet"),
    ("it isn't bad", "it is not bad"),
    ("it does n't work", "it doesn\u2019t work"),
    ("a feel-good film", "a feel good film"),
    ("a smart movie", "a clever film"),
    ("the film is long", "a film is just long"),
    ("good", "go\u202edo\u202c"),
    ("good", "gx\bood"),
]
CHANGED = [
    ("it is great", "it is not great"),
    ("it isn't great", "it is great"),
    ("a good film", "a bad film"),
    ("I love it", "I hate it"),
    ("it works", "it never works"),
    ("no plot", "plot"),
    ("a dog is running and a man sits", "a dog is not running and a man does not sit"),
    ("there is no clown singing and people are not dancing", "there is a clown singing and people are dancing"),
    ("a man is filling a box", "a man is emptying a box"),
    ("the dog is inside the house", "the dog is outside the house"),
    ("a compelling story", "a forgettable story"),
]
PERSON = [
    ("a good film", "a not bad film"),
    ("it is not not good", "it is good"),
    ("it takes 90 minutes", "it takes 91 minutes"),
    ("all scenes work", "some scenes work"),
    ("it will work", "it may work"),
    ("the plot is dull", "the pasta is dull"),
    ("short but good", "good but short"),
    ("a film", "a film that is dull"),
    ("it moves people", "it does not move nobody"),
    ("he nails the despair", "he fails the despair"),
    ("a woman is cutting an onion on a board", "a woman is not peeling potatoes in a kitchen"),
]


@pytest.mark.parametrize(
    ("before", "after", "want"), [*((*p, "kept") for p in KEPT), *((*p, "changed") for p in CHANGED), *((*p, "person") for p in PERSON)]
)
def test_plain_pairs(before: str, after: str, want: str) -> None:
    found = guard(before, after)
    assert found.verdict == want
    assert bool(found.reasons) == (want != "kept")


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60))
def test_a_text_means_what_it_means(text: str) -> None:
    assert guard(text, text).verdict == "kept"


def test_the_encoder_is_asked_last_and_decides_no_denial() -> None:
    asked: list[list[str]] = []

    def encode(texts: list[str]) -> npt.NDArray[np.float64]:
        asked.append(texts)
        return np.array([[1.0, 0.0], [1.0, 0.1 if "film" in texts[1] else 3.0]])

    assert guard("a plot", "a film", similarity=encode).verdict == "kept"
    assert guard("a plot", "a pasta", similarity=encode).reasons == ("plot is gone, pasta is new: cosine 0.32 below 0.8",)
    assert len(asked) == 2
    assert guard("it is great", "it is not great", similarity=encode).verdict == "changed"
    assert len(asked) == 2


def test_edits_that_turn_the_truth_over_are_never_called_kept() -> None:
    lines = [json.loads(line) for file in sorted(HERE.glob("*/golden.jsonl")) for line in file.read_text(encoding="utf-8").splitlines()]
    verdict = {line["shift"]: guard(line["before"], line["after"]).verdict for line in lines}
    assert verdict["antonyms"] == "changed"
    assert verdict["negation"] == "changed"
    assert all(verdict[line["shift"]] != "kept" for line in lines if line["rule"] == "changed")
    letters = [line["shift"] for line in lines if "letters" in line["shift"] or "punctuation" in line["shift"]]
    assert all(verdict[name] == "kept" for name in letters if name not in ("masked_letters", "spaced_letters"))
