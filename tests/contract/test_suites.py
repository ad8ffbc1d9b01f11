"""Suites leave out what does not fit the data or the model, and say why."""

from __future__ import annotations

import pytest

from shiftproof.data.space import Column, InputSpace
from shiftproof.evaluation.suites import NAMES, suite_named
from shiftproof.models.abstract import Gradients, Scores

WORDS = InputSpace(0.0, 2.0, kind="table", columns=tuple(Column(name, "categorical", 0, 2, ("a", "b", "c")) for name in ("x", "z")))


@pytest.mark.parametrize("name", NAMES)
def test_a_table_of_words_has_nothing_for_numbers_to_move(name: str) -> None:
    choice = suite_named(name, WORDS, Scores, (2,))
    assert choice.pairs == ()
    assert {out.shift.partition("(")[0] for out in choice.left_out} >= {"linf", "gaussian_noise"}
    assert all("categorical" in out.reason for out in choice.left_out)


@pytest.mark.parametrize("name", NAMES)
def test_gradient_searches_are_for_models_that_give_gradients(name: str) -> None:
    space = InputSpace(kind="image")
    given, refused = suite_named(name, space, Gradients, (1, 28, 28)), suite_named(name, space, Scores, (1, 28, 28))
    assert any(search.needs is Gradients for _, search in given.pairs)
    assert not any(search.needs is Gradients for _, search in refused.pairs)
    assert any("gives scores only" in out.reason for out in refused.left_out)
