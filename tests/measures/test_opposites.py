"""Opposites hold both ways, in every form of a word, and no word is praise and blame."""

from __future__ import annotations

import pytest

from shiftproof.measures.opposites import BLAME, PRAISE, base_of, judges, opposite


@pytest.mark.parametrize(
    ("one", "two"),
    [("up", "down"), ("into", "out"), ("fills", "emptied"), ("caught", "missing"), ("indoors", "outdoors"), ("gripping", "bland")],
)
def test_opposites_hold_both_ways(one: str, two: str) -> None:
    assert opposite(one, two)
    assert opposite(two, one)
    assert not opposite(one, one)


def test_what_is_no_opposite() -> None:
    assert not opposite("film", "movie")
    assert not opposite("running", "walking")
    assert not opposite("bland", "dull")


def test_no_word_is_praise_and_blame() -> None:
    assert not PRAISE & BLAME
    assert judges("bland")
    assert judges("failed")
    assert not judges("film")


@pytest.mark.parametrize("form", ["put", "putting", "puts"])
def test_forms_share_a_base(form: str) -> None:
    assert base_of(form) == "put"
