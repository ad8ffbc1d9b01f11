"""The time left of a plan, on a clock of the test's own."""

from __future__ import annotations

from typing import Any

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


# Seconds and rows sent of the cells of `cascade` in two runs of the suite standard, at linf 0.05, 0.1, 0.2, 0.3 and l2 1, 2, and seconds
# of both diagnoses: of a small convolutional net that is provably robust under linf, and of one trained on its worst cases.
RUNS = {
    "proven": (500, ((1.66, 11564), (0.65, 11564), (0.72, 12124), (7.39, 49964), (35.86, 223276), (44.41, 240364)), 20.0),
    "attacked": (200, ((31.16, 87846), (32.70, 87542), (22.33, 100582), (25.81, 156806), (22.97, 117510), (47.29, 138758)), 65.5),
}


@pytest.mark.parametrize("name", RUNS)
def test_it_is_within_two_of_the_truth_after_a_minute_of_a_standard_audit(name: str) -> None:
    n, costs, diagnoses = RUNS[name]
    shifts = (*(sp.Linf(eps) for eps in (0.05, 0.1, 0.2, 0.3)), sp.L2(1.0), sp.L2(2.0))
    plan: list[tuple[Cell, float, int]] = []
    for shift, (seconds, rows) in zip(shifts, costs, strict=True):
        for method, took, sent in (("one_draw", 0.05, n), ("cascade", seconds, rows)):
            plan.append((Cell("model", "data", shift, searches.build(method), 0, 0, n, n), took, sent))
    plan += [(Cell("model", "data", sp.Rotation(d), searches.build("best_of_n(n=20)"), 0, 0, n, n), 0.5, 20 * n) for d in (10, 20, 30)]
    now, sent_so_far, judged, later = [0.0], [0], 0, {"linf": 1.0, "l2": 1.0}

    def passes() -> float:
        return sum(100 * (250 + 1750 * share) for share in later.values())

    left = TimeLeft([one for one, _, _ in plan], later=passes, clock=lambda: now[0], sent=lambda: sent_so_far[0])
    for done, (one, took, sent) in enumerate(plan, 1):
        now[0], sent_so_far[0] = now[0] + took, sent_so_far[0] + sent
        left.advance(one, n)
        if one.method.name == "cascade" and one.shift in shifts[1::3]:  # what is diagnosed: the middle of each family
            later[one.shift.name] = min(1.0, 1.75 * sent / n / expected_passes(one))
        truth = diagnoses + sum(seconds for _, seconds, _ in plan[done:])
        if now[0] > 60:
            judged += 1
            said = left.seconds()
            assert said is not None
            assert truth / 2 <= said <= 2 * truth, (one.shift.spec(), truth, said)
    assert judged >= 3


def test_the_price_of_a_pass_is_told_from_that_of_a_cell() -> None:
    """Cells of few passes are dear by the pass, and say nothing about a search of many."""
    now, sent = [0.0], [0]
    plan = [cell(0.1, "one_draw"), cell(0.2, "one_draw", n=300), cell(0.1, "best_of_n(n=20)"), cell(0.1, "gradient_ascent")]
    left = TimeLeft(plan, clock=lambda: now[0], sent=lambda: sent[0])
    for one, rows in zip(plan[:3], (100, 300, 2000), strict=True):
        now[0], sent[0] = now[0] + 1.0 + 0.001 * rows, sent[0] + rows
        left.advance(one, len(one))
    expected = 1.0 + 0.001 * 1.5 * expected_passes(plan[3]) * 100
    assert left.seconds() == pytest.approx(expected)


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
    left = TimeLeft(plan, later=lambda: 1000.0, alone=False, clock=lambda: now[0])
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


def test_it_can_be_read_by_another_thread_while_a_cell_begins() -> None:
    """The bar is drawn in a thread of its own, which may come in at any step of `advance`."""
    now = [0.0]
    plan = [cell(eps, method) for method in ("one_draw", "grid") for eps in (0.1, 0.2)]
    left = TimeLeft(plan, clock=lambda: now[0])
    heard: list[float | None] = []

    class Watched(dict[tuple[str, str], Any]):
        def __setitem__(self, key: tuple[str, str], value: Any) -> None:
            super().__setitem__(key, value)
            heard.append(left.seconds())

    left._taken = Watched()  # the moment at which the other thread comes
    for one in plan:
        now[0] += 1.0
        left.advance(one, 100)
    assert len(heard) == len(plan)
    assert all(said is None or said >= 0 for said in heard)
