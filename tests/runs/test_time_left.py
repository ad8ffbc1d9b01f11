"""The time left of a plan, on a clock of the test's own."""

from __future__ import annotations

from statistics import fmean
from typing import Any

import pytest

import shiftproof as sp
from shiftproof.runs.cell import Cell
from shiftproof.runs.time_left import TimeLeft, expected_passes
from shiftproof.searches import searches
from shiftproof.searches.abstract import Search
from shiftproof.shifts.abstract import Shift


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


# Of the cells of `cascade` in three runs of the suite standard, seconds, rows sent and the share that held, and seconds of both diagnoses:
# of a small convolutional net that is provably robust under linf, of one trained on its worst cases, of a residual net that is not robust.
LINF = (sp.Linf(0.05), sp.Linf(0.1), sp.Linf(0.2), sp.Linf(0.3))
RUNS: dict[str, tuple[int, tuple[tuple[Shift, float, int, float], ...], float]] = {
    "proven": (
        500,
        (
            *zip(LINF, (0.52, 0.5, 0.56, 2.49), (11564, 11564, 12124, 45084), (0.95, 0.95, 0.93, 0.91), strict=True),
            *zip((sp.L2(1.0), sp.L2(2.0)), (12.27, 13.14), (223244, 239388), (0.9, 0.62), strict=True),
        ),
        5.3,
    ),
    "attacked": (
        200,
        (
            *zip(LINF, (2.99, 2.85, 4.2, 8.45), (36930, 39386, 67802, 151254), (0.98, 0.95, 0.88, 0.74), strict=True),
            *zip((sp.L2(1.0), sp.L2(2.0)), (7.46, 10.09), (99782, 133598), (0.84, 0.45), strict=True),
        ),
        10.4,
    ),
    "residual": (
        100,
        (
            *zip([sp.Linf(k / 255) for k in (1, 2, 4, 8)], (38.0, 1.59, 0.62, 0.56), (23862, 774, 432, 404), (0.18, 0, 0, 0), strict=True),
            *zip((sp.L2(0.5), sp.L2(1.0)), (0.65, 0.58), (444, 404), (0, 0), strict=True),
        ),
        38.3,
    ),
}
FROM = 1 / 3
"""The share of a run after which it is judged; each took less than two minutes."""


@pytest.mark.parametrize("name", RUNS)
def test_it_is_within_two_of_the_truth_after_a_third_of_a_standard_audit(name: str) -> None:
    n, costs, diagnoses = RUNS[name]
    plan: list[tuple[Cell, float, int, float]] = []
    for shift, seconds, rows, stood in costs:
        for method, took, sent in (("one_draw", 0.05, n), ("cascade", seconds, rows)):
            plan.append((Cell("model", "data", shift, searches.build(method), 0, 0, n, n), took, sent, stood))
    plan += [(Cell("model", "data", sp.Rotation(d), searches.build("best_of_n(n=20)"), 0, 0, n, n), 0.5, 20 * n, 1.0) for d in (10, 20, 30)]
    whole = diagnoses + sum(took for _, took, _, _ in plan)
    now, sent_so_far, judged = [0.0], [0], 0
    later: dict[str, float] = {}
    elsewhere: list[float] = []

    def passes() -> float:  # as `DiagnosesLeft` has it
        return sum(100 * (250 + 1750 * later.get(family, fmean(elsewhere or [1.0]))) for family in ("linf", "l2"))

    left = TimeLeft([one for one, *_ in plan], later=passes, clock=lambda: now[0], sent=lambda: sent_so_far[0])
    for done, (one, took, sent, stood) in enumerate(plan, 1):
        now[0], sent_so_far[0] = now[0] + took, sent_so_far[0] + sent
        left.advance(one, n)
        if one.method.name == "cascade":
            left.stood(one, stood)
            elsewhere.append(stood * min(1.0, 1.75 * sent / n / expected_passes(one)))
            if one.shift in (costs[1][0], costs[4][0]):  # what is diagnosed
                later[one.shift.name] = min(1.0, 1.75 * sent / n / expected_passes(one))
        truth = diagnoses + sum(seconds for _, seconds, _, _ in plan[done:])
        if now[0] > FROM * whole:
            judged += 1
            said = left.seconds()
            assert said is not None
            factor = 2 if len(elsewhere) > 1 else 4  # after one cascade it cannot be known how hard the next are
            assert truth / factor <= said <= factor * truth, (one.shift.spec(), truth, said)
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
