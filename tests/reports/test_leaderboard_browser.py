"""The leaderboard in a real browser: it sorts, filters, obeys no hostile name, asks nobody, and fits a phone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chromium import BINARY, Tab, chromium
from sample_audit import BREAKOUT, HOSTILE
from shiftproof.leaderboard.board import make_leaderboard
from shiftproof.leaderboard.robustbench import from_robustbench
from shiftproof.records.leaderboard import Entry
from shiftproof.reports.leaderboard import write_leaderboard
from small_entries import LINF, measured

pytestmark = pytest.mark.skipif(BINARY is None, reason="needs Chromium on the PATH")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    entries: list[Entry] = [measured(f"model-{i}{HOSTILE}", [1] * (4 * i) + [0] * (50 - 4 * i), footnote=BREAKOUT) for i in range(9)]
    entries += [
        from_robustbench({**LINF, "name": BREAKOUT, "dataset": "npz:a.npz"}, model=f"published{i}", threat="Linf") for i in range(2)
    ]
    return write_leaderboard(make_leaderboard(entries), tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with chromium(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.mark.parametrize("width", [390, 1280])
def test_it_opens_and_nothing_else_happens(tab: Tab, page: Path, width: int) -> None:
    tab.open(page, width=width, dark=width == 390)
    assert (tab.dialogs, tab.errors) == ([], [])
    assert {address for address in tab.requests if not address.startswith("data:")} == {page.as_uri()}
    assert tab.run("document.documentElement.scrollWidth") <= width
    dark = sum(map(int, tab.run("getComputedStyle(document.body).backgroundColor")[4:-1].split(","))) < 120
    assert dark == (width == 390)


def test_a_heading_sorts(tab: Tab, page: Path) -> None:
    tab.open(page)
    names = "[...document.querySelectorAll('table.board')[0].tBodies[0].rows].map(r => Number(r.cells[3].dataset.sort))"
    assert tab.run(names) == sorted(tab.run(names), reverse=True)
    tab.run("document.querySelector('table.board thead th:nth-child(4) button').click()")
    assert tab.run(names) == sorted(tab.run(names))
    assert len(tab.run(names)) == 9


def test_the_filter_keeps_what_contains_the_words(tab: Tab, page: Path) -> None:
    tab.open(page)
    tab.run("(i => { i.value = 'model-7'; i.dispatchEvent(new Event('input')) })(document.querySelector('.tools input'))")
    shown = "[...document.querySelectorAll('table.board')[0].tBodies[0].rows].filter(r => !r.hidden).length"
    assert tab.run(shown) == 1
