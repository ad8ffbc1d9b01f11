"""A second turn on the model's own answer: asked in order, missing answers stay missing, and the first turn is the sample as it is."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest

import shiftproof as sp
from chat_stub import completion, serving
from shiftproof._errors import UsageError
from shiftproof.data.chats import NoText, OwnAnswer
from shiftproof.data.prompts import Prompt, PromptRow
from shiftproof.data.rows import Items
from shiftproof.models.turns import in_turns
from shiftproof.models.unanswered import Refusal, Unanswered
from shiftproof.shifts.prompts.are_you_sure import DOUBTS, AreYouSure
from shiftproof.shifts.prompts.pressure import CLAIMS, Pressure
from small_runs import command

ITEMS = 30


def talk(inputs: list[Any]) -> list[Any]:
    """Echoes a text, tells how many messages a chat has and what stands in its place, and is silent where it is told to be."""
    said: list[Any] = []
    for one in inputs:
        text = one if isinstance(one, str) else one[-1]["content"]
        whole = text if isinstance(one, str) else " / ".join(message["content"] for message in one)
        said.append(
            None if "silent" in whole and ("twice" not in whole or len(one) == 3) else Refusal("no") if "lock" in text else f"<{whole}>"
        )
    return said


def doubted(*texts: str) -> Items[Any]:
    return Items([AreYouSure().edited(text, [(0, 0)]) for text in texts])


def test_the_own_answer_stands_in_its_place() -> None:
    model = sp.as_answers(talk, said="texts")
    mixed = Items(["plain", *doubted("one", "a lock"), [{"role": "user", "content": "chat"}]])
    assert [*in_turns(model, mixed)] == ["<plain>", f"<one / <one> / {DOUBTS[0]}>", f"<a lock / no / {DOUBTS[0]}>", "<chat>"]
    assert [*in_turns(model, Items(["plain"]))] == ["<plain>"]


def test_what_is_missing_in_either_turn_is_missing() -> None:
    model = sp.as_answers(talk, said="texts")
    with pytest.raises(Unanswered) as missing:
        in_turns(model, doubted("one", "silent", "silent twice"))
    assert missing.value.came.tolist() == [True, False, False]
    assert [*missing.value.said] == [f"<one / <one> / {DOUBTS[0]}>"]
    with pytest.raises(Unanswered) as missing:
        in_turns(model, doubted("silent"))
    assert missing.value.said is None


def test_a_doubt_is_a_legal_move_of_texts_chats_and_prompts() -> None:
    chat = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]
    row = PromptRow(Prompt(fields=(("text", "Text"),), system="Be kind."), {"text": "So?"})
    for one in ("Why?", chat, row):
        shift = AreYouSure()
        moves = [shift.edited(one, edits) for edits in shift.every(one) if edits]
        assert [move[-1]["content"] for move in moves] == list(DOUBTS)
        own = moves[0][-2]["content"]
        assert isinstance(own, OwnAnswer)
        assert pickle.loads(pickle.dumps(own)).asked == one
    with pytest.raises(UsageError, match="are_you_sure adds a turn to the whole input: use it without on"):
        sp.On("text", "are_you_sure").within(sp.examples([chat], [("a",)]).space)


def test_pressure_needs_no_prompt_where_options_are_lines() -> None:
    text = "Which is red?\nA. grass\nB) blood\n(C) snow\nReply with the letter only."
    shift = Pressure()
    moves = [shift.edited(text, edits) for edits in shift.every(text) if edits]
    assert moves == [f"{text}\n{claim.format(letter)}" for claim in CLAIMS for letter in "ABC"]
    chat = [{"role": "user", "content": text}]
    assert [one[-1]["content"] for one in (shift.edited(chat, edits) for edits in shift.every(chat) if edits)] == moves
    for plain in ("A. is only one", "Where?\nB. here\nC. there", "Plan A: go. B: stay."):
        assert shift.places(plain) == []
        with pytest.raises(UsageError, match="none of these inputs has any. Write each option on a line"):
            shift.check_inputs([plain])
    shift.check_inputs([text, "no options"])


def test_an_audit_of_doubt_and_pressure_without_a_prompt_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def weak(chats: list[Any]) -> list[str]:
        said = []
        for chat in chats:
            question = chat if isinstance(chat, str) else chat[0]["content"]
            number = int(question.split("?")[0].split()[-1])
            moved = (not isinstance(chat, str) and number % 3 == 0) or ("that the answer is B" in question and number % 2 == 0)
            said.append("B" if moved else "A")
        return said

    rows = [{"q": f"Which is {at}?\nA. {at}\nB. {at + 1}\nReply with the letter only.", "a": "A"} for at in range(ITEMS)]
    (tmp_path / "q.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    data = sp.load_data(f"jsonl:{tmp_path / 'q.jsonl'}?text=q&target=a")
    report = sp.audit(
        model=sp.as_answers(weak, said="texts", version="1"),
        data=data,
        shifts=["are_you_sure", "pressure"],
        searches=["one_draw", "exhaustive"],
        judge="choice",
        out=str(tmp_path / "run"),
        progress=False,
    )
    values = {(one.shift, one.search, one.measure): one.value for one in report.record.results if one.risk == "mean"}
    assert values["identity", "one_draw", "right_choice"] == 1.0
    assert values["are_you_sure", "one_draw", "drop"] == pytest.approx(1 / 3), "it gives way to any doubt about every third"
    assert values["are_you_sure", "exhaustive", "robust_right_choice"] == pytest.approx(2 / 3)
    assert values["pressure", "exhaustive", "robust_right_choice"] == 0.5


def test_the_first_turn_is_not_asked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(lambda prompt: completion("A")) as stub:
        rows = [{"q": f"Which is {at}?", "a": "A"} for at in range(20)]
        (tmp_path / "q.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        line = ["audit", "--model", f"chat:{stub.url}#m", "--data", f"jsonl:{tmp_path / 'q.jsonl'}?text=q&target=a", "--judge", "choice"]
        line += ["--shift", "are_you_sure", "--search", "one_draw", "--out", str(tmp_path / "run"), "--quiet"]
        assert command(monkeypatch, *line) == 0
    first = [one for one in stub.asked if len(one["messages"]) == 1]
    second = [one for one in stub.asked if len(one["messages"]) == 3]
    assert len({repr(one["messages"]) for one in first}) == 20
    assert all(one["messages"][1] == {"role": "assistant", "content": "A"} for one in second)
    assert len(second) >= 20
    assert len(first) <= 20 + 16, "only the probes are asked a second time"


def test_a_chat_for_a_check_is_like_any_other_but_no_text() -> None:
    plain = [{"role": "user", "content": "a"}]
    given = NoText(plain)
    assert given == plain
    assert plain[0] in given
    assert json.dumps(given) == json.dumps(plain)
    with pytest.raises(TypeError, match="it was handed a list of messages, and used it as a text"):
        _ = "a" in given  # type: ignore[comparison-overlap]  # as a function of texts does


def searching(texts: list[Any]) -> list[str]:
    return ["yes" if "a" in text else "no" for text in texts]


def comparing(texts: list[Any]) -> list[str]:
    return ["yes" if text == "a" else "no" for text in texts]


def changing(texts: list[Any]) -> list[str]:
    return [text.upper() for text in texts]


@pytest.mark.parametrize("function", [changing, searching, comparing])
def test_a_model_of_texts_alone_is_told_so_before_any_work(function: Any, tmp_path: Path) -> None:
    model = sp.as_answers(function, said="texts", version="1")
    with pytest.raises(UsageError, match=r"The shift are_you_sure cannot be used here: the model '.*' does not take chats"):
        sp.audit(
            model=model,
            data=sp.examples(["a", "b"], [("A",), ("B",)]),
            shifts=["are_you_sure"],
            searches=["one_draw"],
            judge="exact_match",
            out=str(tmp_path / "run"),
            progress=False,
        )
