"""Choices by word and by likelihood, what cannot be read, and refusals under every judge."""

from __future__ import annotations

import math

import pytest

from shiftproof._errors import UsageError
from shiftproof._part import required_options
from shiftproof.judges import judges
from shiftproof.judges.choice import Choice, option_likelihoods
from shiftproof.judges.within import Within
from shiftproof.models.replies import TextReply
from shiftproof.models.unanswered import Refusal


def test_words_are_found_whole_and_the_last_one_counts() -> None:
    judge = Choice(words="negative|positive")
    said = ["It is Positive.", "not negative but positive", "unpositive", "NEGATIVE", "well"]
    assert [judge.chosen(one) for one in said] == ["positive", "positive", "", "negative", ""]
    assert judge.unreadable(said).tolist() == [False, False, True, False, True]


def test_the_likeliest_option_is_chosen() -> None:
    judge = Choice(words="negative|positive", read="logprobs")
    said = [TextReply("The", {"The": -0.1, " Pos": -2.0, "neg": -1.5, "positive": -1.9}), TextReply("?", {"?": -0.1}), "positive"]
    assert [judge.chosen(one) for one in said] == ["positive", "", ""], "two tokens of an option count together"
    assert judge.unreadable(said).tolist() == [False, True, True]
    letters = Choice(read="logprobs")
    assert letters.chosen(TextReply("x", {" B": -1.0, "A": -0.9, "b": -1.0})) == "B"


def test_a_token_that_begins_several_options_is_none_of_them() -> None:
    assert option_likelihoods({"ne": -1.0, "neg": -2.0, " ": 0.0}, ("negative", "neutral")) == [-2.0, -math.inf]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"words": "one"}, "The 'words' of choice must be two or more different words"),
        ({"words": "a|a"}, "two or more different words"),
        ({"read": "mind"}, "The 'read' of choice must be text or logprobs, got 'mind'"),
    ],
)
def test_options_are_checked(options: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Choice(**options)


@pytest.mark.parametrize(
    "name", [name for name in judges.names() if judges.get(name).said == "texts" and not required_options(judges.get(name))]
)
def test_a_refusal_is_wrong_whatever_it_says(name: str) -> None:
    judge = judges.build(name)
    right = "7" if name == "number_with_unit" else "A"
    y = [(right,), (right,)]
    reading = judge.reading([[right, Refusal(right)]], y)
    assert reading.broken.tolist() == [False, True]
    assert reading.unreadable is not None
    assert reading.unreadable.tolist() == [False, True]
    assert judge.verdict([[right, Refusal(right)]], y).broken.tolist() == [False, True]


def test_a_number_that_is_none_cannot_be_read() -> None:
    assert Within(absolute=1.0).unreadable([1.0, math.nan, math.inf]).tolist() == [False, True, True]
