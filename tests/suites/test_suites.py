"""Suites leave out what does not fit the data or the model, and say why."""

from __future__ import annotations

import pytest

from shiftproof.data.space import Column, InputSpace
from shiftproof.evaluation.audit.suites import GENERAL, crossed, suite_named
from shiftproof.models.abstract import Access, Gradients, Labels, Scores
from shiftproof.shifts import L2, Linf
from shiftproof.shifts.norms.ball import Ball
from shiftproof.shifts.norms.l0 import L0

WORDS = InputSpace(0.0, 2.0, kind="table", columns=tuple(Column(name, "categorical", 0, 2, ("a", "b", "c")) for name in ("x", "z")))


@pytest.mark.parametrize("name", GENERAL)
def test_a_table_of_words_has_nothing_for_numbers_to_move(name: str) -> None:
    choice = suite_named(name, WORDS, Scores, (2,))
    assert choice.pairs == ()
    assert {out.shift.partition("(")[0] for out in choice.left_out} >= {"linf", "gaussian_noise"}
    assert all("categorical" in out.reason for out in choice.left_out)


@pytest.mark.parametrize("name", GENERAL)
def test_gradient_searches_are_for_models_that_give_gradients(name: str) -> None:
    space = InputSpace(kind="image")
    given, refused = suite_named(name, space, Gradients, (1, 28, 28)), suite_named(name, space, Scores, (1, 28, 28))
    assert any(search.needs is Gradients for _, search in given.pairs)
    assert not any(search.needs is Gradients for _, search in refused.pairs)
    assert any("gives scores only" in out.reason for out in refused.left_out)


def worst_of(name: str, access: Access) -> set[str]:
    """The specs of the worst-case searches that a suite uses in norm balls on grey pictures."""
    pairs = suite_named(name, InputSpace(kind="image"), access, (1, 28, 28)).pairs
    return {search.spec() for shift, search in pairs if isinstance(shift, Ball) and search.name != "one_draw"}


def test_norm_balls_are_attacked_by_the_strongest_search_that_fits() -> None:
    assert worst_of("quick", Gradients) == {"gradient_ascent(steps=20)", "best_of_n(n=10)"}
    assert worst_of("standard", Gradients) == {"cascade"}
    assert worst_of("thorough", Gradients) == {"cascade", "square"}
    assert worst_of("standard", Scores) == {"square", "best_of_n(n=20)"}
    assert worst_of("thorough", Scores) == {"square(queries=5000)", "best_of_n(n=100)"}
    assert worst_of("standard", Labels) == {"hop_skip_jump(queries=1000)", "best_of_n(n=20)"}
    assert worst_of("quick", Labels) == {"hop_skip_jump(queries=200)", "best_of_n(n=10)"}


@pytest.mark.parametrize(("access", "attack"), [(Gradients, "cascade"), (Scores, "square"), (Labels, "hop_skip_jump(queries=1000)")])
def test_a_ball_without_a_search_gets_the_average_and_the_strongest_that_fits(access: Access, attack: str) -> None:
    for ball in (Linf(0.1), L2(1.0)):
        assert [search.spec() for _, search in crossed([ball], [], InputSpace(kind="image"), access).pairs] == ["one_draw", attack]
    assert crossed([L0(2)], [], InputSpace(kind="image"), Labels).pairs[1][1].spec() == "best_of_n(n=20)"


READ = (
    Column("age", "integer", 0, 100, quantiles=tuple(map(float, range(101)))),
    Column("education-num", "integer", 0, 100, quantiles=tuple(map(float, range(101)))),
    Column("sex", "categorical", 0, 1, ("f", "m"), values=("f", "m"), shares=(0.5, 0.5)),
)


def test_a_table_that_was_read_is_moved_as_tables_are() -> None:
    space = InputSpace(kind="table", columns=READ)
    quick, standard = (suite_named(name, space, Scores, (3,)) for name in ("quick", "standard"))
    families = {shift.name for shift, _ in quick.pairs}
    assert families == {"within_quantiles", "category_costs", "swapped", "misspelled", "missing"}
    specs = {shift.spec() for shift, _ in standard.pairs}
    assert {"drift(column=age, by=-1)", "drift(column='education-num')", "missing(column='education-num')"} <= specs
    assert not families & {"linf", "l2", "gaussian_noise"}
    assert {search.name for shift, search in quick.pairs if shift.name == "within_quantiles"} == {"one_draw", "best_of_n"}
    by_gradient = suite_named("quick", space, Gradients, (3,))
    assert "gradient_ascent" in {search.name for shift, search in by_gradient.pairs if shift.name == "within_quantiles"}
