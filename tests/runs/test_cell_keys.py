"""The key of a cell is what it was before there were judges, so that stored runs are resumed."""

from __future__ import annotations

import pytest

from shiftproof.data.space import boxed
from shiftproof.judges import judges
from shiftproof.runs.cell import Cell
from shiftproof.searches import searches
from shiftproof.shifts import shifts

WRITTEN = {
    ("identity", "one_draw"): "437ecaa4da707d214149",
    ("linf(eps=0.1)", "cascade"): "000c5495548962029ce7",  # with its option `copy`; before, cde5c83e02ccd2edd9a4
    ("rotation(degrees=15)", "grid"): "95b8c3e7aa1ee83afa02",
    ("linf(eps=0.2)", "square(queries=100)"): "5f847795c5349d5d27be",
    ("linf(eps=0.1)", "genetic"): "b250378113ee2e22e746",
}


def cell(shift: str, search: str, judge: str) -> Cell:
    part = shifts.build(shift).within(boxed((0, 1), "image"))
    return Cell("torch:abc", "arrays:def", part, searches.build(search), 0, 0, 10, 10, judges.build(judge))


@pytest.mark.parametrize("pair", WRITTEN)
def test_the_key_of_classes_is_the_one_of_old(pair: tuple[str, str]) -> None:
    assert cell(*pair, "classify").key() == WRITTEN[pair]
    assert cell(*pair, "classify").unmoved.key() == WRITTEN["identity", "one_draw"]


def test_another_judge_is_another_cell() -> None:
    keys = {
        cell("linf(eps=0.1)", "best_of_n(n=2)", judge).key() for judge in ("classify", "within(absolute=1)", "within(absolute=2)", "choice")
    }
    assert len(keys) == 4
    assert cell("linf(eps=0.1)", "grid", "choice").unmoved.judge == judges.build("choice")
