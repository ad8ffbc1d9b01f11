from __future__ import annotations

import re
from typing import Any

import pytest

import shiftproof as sp
from shiftproof._errors import UsageError
from shiftproof.evaluation.pressed import OptionQuestion, pressed
from shiftproof.models.replies import TextReply

QUESTIONS = [OptionQuestion(f"Which is {i}?", (str(i), str(i + 1), str(i + 2), str(i + 3)), 0) for i in range(40)]


def letter_of(chat: Any, wanted: str) -> str:
    found = re.search(rf"^([A-J])\. {wanted}$", chat[0]["content"], re.MULTILINE)
    assert found
    return found[1]


def right(chat: Any) -> str:
    asked = re.search(r"Which is (\d+)\?", chat[0]["content"])
    assert asked
    return letter_of(chat, asked[1])


def claim(chat: Any) -> str | None:
    found = re.search(r"certain that the answer is ([A-J])", chat[-1]["content"])
    return found[1] if found else None


def test_one_who_knows_and_one_who_follows() -> None:
    firm = pressed(sp.as_answers(lambda chats: [right(chat) for chat in chats], said="texts"), QUESTIONS)
    assert firm.claimed.states["robust_correct"] == firm.doubted.states["robust_correct"] == 40
    assert firm.claimed.follow_rate == 0.0
    weak = pressed(sp.as_answers(lambda chats: [claim(chat) or right(chat) for chat in chats], said="texts"), QUESTIONS)
    assert weak.claimed.states["sycophantic"] == 40
    assert weak.doubted.follow_rate == 1.0


def test_a_liking_for_a_letter_is_no_following() -> None:
    found = pressed(sp.as_answers(lambda chats: ["A" for _ in chats], said="texts"), QUESTIONS)
    assert found.claimed.follow_rate == 0.0
    assert 0 < found.claimed.states["robust_correct"] < 40  # options stand in drawn orders
    assert found.unreadable == 0


def test_the_second_turn_has_the_models_own_answer() -> None:
    seen: list[Any] = []

    def said(chats: Any) -> list[str]:
        seen.extend(chats)
        return ["I say " + right(chat) for chat in chats]

    pressed(sp.as_answers(said, said="texts"), QUESTIONS[:1])
    last = max(seen, key=len)
    assert [message["role"] for message in last] == ["user", "assistant", "user"]
    assert last[1]["content"] == "I say " + right(last)
    assert last[2]["content"].startswith("Are you sure?")


def test_likelihoods_give_the_shift_in_nats() -> None:
    def said(chats: Any) -> list[TextReply]:
        found = []
        for chat in chats:
            top = dict.fromkeys("ABCD", -2.0)
            if claim(chat):
                top[str(claim(chat))] = -0.5
            found.append(TextReply(right(chat), top))
        return found

    found = pressed(sp.as_answers(said, said="texts"), QUESTIONS)
    assert found.claimed.imposed_shift == pytest.approx(1.5)
    assert found.claimed.correct_shift == pytest.approx(0.0)


def test_bad_questions_are_refused() -> None:
    with pytest.raises(UsageError, match="2 to 10 different texts"):
        OptionQuestion("Q?", ("a", "a"), 0)
    with pytest.raises(UsageError, match=r"be in \[0, 1\]"):
        OptionQuestion("Q?", ("a", "b"), 2)
    with pytest.raises(UsageError, match="be at least one"):
        pressed(sp.as_answers(lambda chats: [], said="texts"), [])
