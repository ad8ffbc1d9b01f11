"""Two plans are told apart by the part that differs, however long what is around it."""

from __future__ import annotations

import pytest

from shiftproof.runs.difference import first_difference

LONG = "compose(" + "+".join(f"rotation(degrees={i})" for i in range(20)) + ")"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (0, 1, "its seed is 0, and this run's is 1"),
        (None, "a", "its seed is None, and this run's is a"),
        (["a"], ["b"], "its seed is a, and this run's is b"),
        (["a", "b"], ["a", "c"], "its seed differ first at number 2, which is b, and this run's is c"),
        (["a"], ["a", "c"], "its seed are 1, and this run's are 2: this run has also c"),
        (["a", "c"], ["a"], "its seed are 2, and this run's are 1: it has also c"),
    ],
)
def test_what_differs_is_said(old: object, new: object, said: str) -> None:
    assert first_difference("seed", old, new) == said


def test_of_long_texts_the_part_around_the_difference_is_shown() -> None:
    other = LONG.replace("degrees=15", "degrees=99") + " under grid"
    said = first_difference("cells", ["a", LONG], ["a", other])
    one, two = said.split(", and this run's is ")
    assert one.startswith("its cells differ first at number 2, which is ...")
    assert "degrees=15)+rotation" in one
    assert "degrees=99)+rotation" in two
    assert max(map(len, (one, two))) < 180
    assert "..." in first_difference("cells", LONG, "b" + LONG)
    assert first_difference("cells", LONG, LONG + "!").endswith("is ...+rotation(degrees=19))!")


def test_without_words_to_cut_between_the_text_is_cut_anywhere() -> None:
    said = first_difference("data", "a" * 200 + "b", "a" * 200 + "c")
    assert said == f"its data is ...{'a' * 30}b, and this run's is ...{'a' * 30}c"
