"""Prompts as data: what they look like in each layout, and what is refused."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

import shiftproof as sp
from shiftproof._errors import UsageError
from shiftproof.data.arrays import ArraySource
from shiftproof.data.chats import messages_of
from shiftproof.data.prompted import Prompted
from shiftproof.data.prompts import CASINGS, GAPS, NUMBERS, PAIRS, SEPARATORS, SPACES, WRAPPERS, Layout, Prompt, PromptRow, read_prompt
from shiftproof.data.rows import Fields

SENTIMENT = """
instruction = "Say whether the sentence is negative or positive."
answer = "Sentiment"
options = ["negative", "positive"]
system = "Answer in one word."

[fields]
sentence = "Sentence"

[[examples]]
sentence = "A waste of time."
answer = "negative"
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "p.toml"
    path.write_text(text)
    return path


def test_a_prompt_in_its_usual_layout_and_in_another(tmp_path: Path) -> None:
    prompt = read_prompt(written(tmp_path, SENTIMENT))
    row = PromptRow(prompt, {"sentence": "So good."})
    assert row == (
        "Say whether the sentence is negative or positive.\n\nSentence: A waste of time.\nSentiment: negative\n\n"
        "Sentence: So good.\nSentiment:"
    )
    pair = PAIRS.index((SEPARATORS.index(" - "), SPACES.index(" || ")))
    assert row.written(casing=2, pair=pair).endswith(
        "SENTENCE - A waste of time. || SENTIMENT - negative\n\nSENTENCE - So good. || SENTIMENT -"
    )
    assert [message["role"] for message in messages_of(row)] == ["system", "user"]
    assert row.filled("sentence", "Bad.").slots == {"sentence": "Bad."}
    again = pickle.loads(pickle.dumps(row))  # our own
    assert (again, again.prompt, again.layout) == (row, prompt, Layout())


def test_the_grammar_is_that_of_the_paper() -> None:
    counts = (len(CASINGS), len(SEPARATORS), len(set(SPACES)), len(WRAPPERS), len(NUMBERS), len(GAPS))
    assert counts == (4, 14, 15, 6, 5, 4)
    broken = [separator for separator in SEPARATORS if "\n" in separator]
    lines = [space for space in SPACES if "\n" in space]
    assert len(PAIRS) == len(SPACES) * (14 - len(broken)) + len(lines) * len(broken)


def test_options_are_listed_in_their_order() -> None:
    prompt = Prompt(fields=(("q", "Question"),), options=("yes", "no", "maybe"), list_options=True)
    row = PromptRow(prompt, {"q": "Is it?"})
    assert row == "Question: Is it?\nOptions: (A) yes (B) no (C) maybe\nAnswer:"
    assert "1. maybe 2. no 3. yes" in row.written(order=5, numbers=1, wrapper=1)


def test_a_template_has_one_layout(tmp_path: Path) -> None:
    prompt = read_prompt(written(tmp_path, 'template = "Q: {q}\\nBy {who}:"\n[[examples]]\nq = "Why?"\nwho = "Ann"\nanswer = "So."'))
    assert prompt.slots == ("q", "who")
    assert PromptRow(prompt, {"q": "{who}?", "who": "Bo"}) == "Q: Why?\nBy Ann: So.\n\nQ: {who}?\nBy Bo:"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("template = 'no slot'", r"The 'template' of the prompt '.*p\.toml' must have a slot in braces, such as \{text\}, got 'no slot'"),
        ("instruction = 'x'", r"needs either fields or a template\. Write \[fields\] with SLOT"),
        ("template = '{a}'\n[fields]\na = 'A'", "needs either fields or a template"),
        ("options = ['a', 'b', 'a']\n[fields]\na = 'A'", "The 'options' of the prompt .* must be different, got 'a'. Name each once"),
        ("options = ['a']\n[fields]\na = 'A'", "must be 2 to 12, got 1"),
        ("options = 'ab'\n[fields]\na = 'A'", "must be a list of texts"),
        ("list_options = true\n[fields]\na = 'A'", "must be true only with options and fields"),
        ("list_options = 1\n[fields]\na = 'A'", "must be true or false"),
        ("fields = {a = 1}", "must be texts by name"),
        ("answer = 3\n[fields]\na = 'A'", "must be a text"),
        ("[fields]\na = 'A'\n[[examples]]\na = 'x'", "must each have a and answer, got 'no answer'"),
        ("options = ['y', 'n']\n[fields]\na = 'A'\n[[examples]]\na = 'x'\nanswer = 'z'", "must be one of its options: y, n, got 'z'"),
        ("[field]\na = 'A'", "Unknown key of the prompt .* 'field'. Did you mean: fields"),
        ("= 3", "cannot be read: .* It must be a TOML file"),
    ],
)
def test_bad_prompts_are_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as wrong:
        read_prompt(written(tmp_path, text))
    assert "\n" not in str(wrong.value).strip()


def test_data_fill_the_slots_and_options_name_the_classes() -> None:
    prompt = Prompt(fields=(("sentence", "Sentence"),), options=("negative", "positive"))
    source = ArraySource(sp.examples(["good", "bad"], np.array([1, 0])))
    found = Prompted(source, prompt)
    assert found.class_names == ("negative", "positive")
    assert [*found.take(slice(0, 1)).x] == ["Sentence: good\nAnswer:"]
    assert found.fingerprint() != source.fingerprint()
    words = ArraySource(sp.examples(["good", "bad"], ["pos", "neg"]))
    assert "'neg' is 'negative', 'pos' is 'positive'" in Prompted(words, prompt).notes[-1]
    both = ArraySource(sp.examples(Fields(a=["x"], b=["y"]), [("z",)]))
    assert [*Prompted(both, Prompt(fields=(("b", "B"), ("a", "A")))).take(slice(0, 1)).x] == ["B: y\nA: x\nAnswer:"]
    with pytest.raises(UsageError, match="The 'slots' of the prompt must be among the fields a, b, got 'c'"):
        Prompted(both, Prompt(template="{c}"))
    with pytest.raises(UsageError, match="must be one, as these data have one text each, got 'a, b'"):
        Prompted(source, Prompt(template="{a}{b}"))
    with pytest.raises(UsageError, match="must be one for each of the 3 classes"):
        Prompted(ArraySource(sp.examples(["a", "b", "c"], np.array([0, 1, 2]))), prompt)
    with pytest.raises(UsageError, match="A prompt is filled with texts, and the inputs of '.*' are of kind 'vector'"):
        Prompted(ArraySource(sp.examples(np.zeros((2, 2)), [0, 1])), prompt)
