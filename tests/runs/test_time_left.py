"""The time left of a plan, on a clock of the test's own."""

from __future__ import annotations

import pytest

import shiftproof as sp
from shiftproof.runs.cell import Cell
from shiftproof.runs.time_left import TimeLeft, expected_passes
from shiftproof.searches import searches
from shiftproof.searches.abstract import Search


def cell(eps: float, method: str, n: int = 100) -> Cell:
    return Cell("model", "data", sp.Linf(eps), searches.build(method), 0, 0, n, n)


def test_nothing_is_said_before_anything_is_done() -> None:
    assert TimeLeft([cell(0.1, "one_draw")]).seconds() is None


def test_it_is_within_two_of_the_truth_when_each_method_has_been_seen_once() -> None:
    """A cascade that spends a hundredth of what it may, which the number of its passes does not tell."""
    now = [0.0]
    plan = [*(cell(eps, "one_draw") for eps in (0.1, 0.2)), *(cell(eps, "cascade") for eps in (0.1, 0.2, 0.3, 0.4))]
    takes = {"one_draw": 0.5, "cascade": 30.0}
    left = TimeLeft(plan, clock=lambda: now[0])
    for done, one in enumerate(plan, 1):
        now[0] += takes[one.method.name]
        assert left.advance(one, 100) == 100
        truth = sum(takes[other.method.name] for other in plan[done:])
        if done > 2:
            said = left.seconds()
            assert said is not None
            assert truth / 2 <= said <= 2 * truth


def test_what_is_under_way_runs_down_and_never_to_nothing() -> None:
    now = [0.0]
    plan = [cell(0.1, "gradient_ascent"), cell(0.2, "gradient_ascent")]
    left = TimeLeft(plan, clock=lambda: now[0])
    now[0] = 10.0
    left.advance(plan[0], 100)
    assert left.seconds() == pytest.approx(10.0)
    now[0] = 16.0
    assert left.seconds() == pytest.approx(4.0)
    now[0] = 1000.0
    assert left.seconds() == pytest.approx(1.0)


def test_several_workers_share_one_pace_and_what_comes_later_counts() -> None:
    now = [0.0]
    plan = [cell(0.1, "one_draw"), cell(0.2, "gradient_ascent")]
    left = TimeLeft(plan, later=1000.0, alone=False, clock=lambda: now[0])
    now[0] = 1.0
    left.advance(plan[0], 100)
    pace = 1.0 / (100 * expected_passes(plan[0]))
    assert left.seconds() == pytest.approx(pace * (100 * expected_passes(plan[1]) + 1000.0))


def test_more_examples_than_a_cell_has_count_as_what_it_has() -> None:
    only = cell(0.1, "one_draw", n=5)
    left = TimeLeft([only])
    assert (left.advance(only, 3), left.advance(only, 5), left.advance(only, 5)) == (3, 2, 0)


@pytest.mark.parametrize(("method", "share"), [("one_draw", 1.0), ("gradient_ascent", 0.6), ("cascade", 0.1)])
def test_adversaries_are_expected_to_stop_early(method: str, share: float) -> None:
    one = cell(0.1, method)
    assert isinstance(one.method, Search)
    assert expected_passes(one) == pytest.approx(share * (1 + one.method.most_passes(one.shift)))
