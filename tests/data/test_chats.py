"""Chats as inputs: what is legal, and one message moved while the others stay."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import shiftproof as sp
from shiftproof._errors import UsageError
from shiftproof.data.chats import ChatSpace, messages_of
from shiftproof.data.rows import Items
from shiftproof.preflight import check_examples
from shiftproof.randomness import Rng

CHAT = [
    {"role": "system", "content": "Be brief please."},
    {"role": "user", "content": "What colour is an apple?"},
    {"role": "assistant", "content": "Green or red, mostly."},
    {"role": "user", "content": "And a lemon, usually?"},
]


def chats(n: int = 3) -> sp.Examples:
    return sp.examples([CHAT] * n, [("yellow",)] * n)


def colour(given: list[list[dict[str, str]]]) -> list[str]:
    return ["yellow" if "lemon" in chat[-1]["content"] else "no idea" for chat in given]


@pytest.mark.parametrize(("name", "place"), [("user", 3), ("-1", 3), ("0", 0), ("system", 0), ("1", 1), ("assistant", 2)])
def test_one_message_is_moved(name: str, place: int) -> None:
    examples = chats()
    shift = sp.On(name, "typos(edits=1)").within(examples.space)
    moved = shift.apply(examples.x, shift.sample(examples.x, Rng.for_ids(0, examples.ids)))
    for one in moved:
        changed = [at for at in range(4) if one[at] != CHAT[at]]
        assert changed == [place]
    assert [*examples.x] == [CHAT] * 3, "the chats themselves stay"


def test_a_search_of_one_message() -> None:
    finding = sp.confront(_model(), sp.On("user", "typos(edits=1)"), search=sp.Exhaustive(), examples=chats(), judge=sp.ExactMatch())
    assert finding.accuracy == 0
    first = sp.confront(_model(), sp.On("1", "typos(edits=1)"), search=sp.Exhaustive(), examples=chats(), judge=sp.ExactMatch())
    assert set(first.outcome) == {"certified"}, "what is asked last decides"


def _model() -> Any:
    from shiftproof.models.load import as_answers

    return as_answers(colour, said="texts")


@pytest.mark.parametrize(
    ("chat", "message"),
    [
        ([{"role": "user", "content": " "}], "The 'message' of the example '0' must not be empty"),
        ([{"role": "tool", "content": "x"}], "The 'role' of the example '0' must be system or user or assistant, got 'tool'"),
        ([{"role": "assistant", "content": "x"}], "The 'last message' of the example '0' must be the user's, got 'assistant'"),
    ],
)
def test_bad_chats_are_one_line(chat: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check_examples(sp.examples([chat], [("x",)]))


def test_no_chat_at_all() -> None:
    with pytest.raises(UsageError, match="must be a list of messages with a role and a content, got 'int'"):
        ChatSpace().check(Items([3]), ["0"])
    with pytest.raises(UsageError, match="The 'input' of a language model must be a text or a chat, got 'int'"):
        messages_of(3)
    with pytest.raises(UsageError, match="The 'message' of a chat must be system, user, assistant or a place such as 0 or -1, got 'usr'"):
        sp.On("usr", "typos(edits=1)").within(ChatSpace())
    shift = sp.On("9", "typos(edits=1)").within(ChatSpace())
    with pytest.raises(UsageError, match=r"A chat of 4 messages has no message '9'\. Its roles are: system, user, assistant, user"):
        shift.check_inputs(Items([CHAT]))


def test_chats_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "c.jsonl").write_text(
        "".join(json.dumps({"chat": CHAT, "answer": ["yellow", "golden"], "lang": "en"}) + "\n" for _ in range(3))
    )
    data = sp.load_data(f"jsonl:{tmp_path / 'c.jsonl'}?messages=chat&target=answer&groups=lang")
    assert data.space.kind == "chat"
    assert data.take(slice(0, 1)).y[0:1]._rows[0] == ("yellow", "golden")
    assert data.groups["lang"].tolist() == ["en"] * 3
