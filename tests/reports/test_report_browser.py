"""The pages in a real browser: they draw, obey no hostile name, ask nobody for anything, and fit a phone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from chromium import BINARY, Tab, chromium
from sample_audit import BREAKOUT, sample_audit, write_run
from shiftproof.records.comparison import Comparison, ComparisonRow
from shiftproof.reports.audit.page import write_page
from shiftproof.reports.compare import write_comparison

pytestmark = pytest.mark.skipif(BINARY is None, reason="needs Chromium on the PATH")

Pages = dict[str, Path]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    folder = tmp_path_factory.mktemp("pages")
    audit = sample_audit(hostile=True, incomplete=True)
    shown = write_page(write_run(folder / "run", audit))
    rows = tuple(
        ComparisonRow(r.shift, r.search, r.risk, r.measure, r.group, (r, r), (None, audit.natural[0].paired)) for r in audit.results
    )
    names = (f"runs/a{BREAKOUT}", "runs/a-rather-long-name-of-a-run-without-any-space-in-it")
    comparison = write_comparison(Comparison(names, (audit, audit), rows), folder)
    return {"audit": shown, "comparison": comparison}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with chromium(tmp_path_factory.mktemp("profile")) as tab:
        yield tab


@pytest.fixture
def tab(browser: Tab) -> Tab:
    for kept in (browser.dialogs, browser.errors, browser.requests):
        kept.clear()
    return browser


@pytest.mark.parametrize("name", ["audit", "comparison"])
@pytest.mark.parametrize("dark", [False, True])
def test_it_draws_every_chart_and_nothing_else_happens(tab: Tab, pages: Pages, name: str, dark: bool) -> None:
    tab.open(pages[name], dark=dark)
    charts = tab.run("document.querySelectorAll('[data-chart]').length")
    assert charts == {"audit": 12, "comparison": 3}[name]
    assert tab.run("[...document.querySelectorAll('[data-chart]')].every(c => c.querySelector('svg path, svg line'))")
    assert tab.dialogs == []
    assert tab.errors == []
    assert [address for address in tab.requests if not address.startswith("data:")] == [pages[name].as_uri()]
    assert tab.run("document.querySelectorAll('img:not([src^=\"data:image/png\"])').length") == 0


@pytest.mark.parametrize("name", ["audit", "comparison"])
@pytest.mark.parametrize("width", [360, 800])
def test_no_page_scrolls_sideways(tab: Tab, pages: Pages, name: str, width: int) -> None:
    tab.open(pages[name], width=width)
    tab.run("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert tab.run("document.documentElement.scrollWidth") <= width
    wide = """[...document.querySelectorAll('body *')].filter(e => !e.closest('.scroll > *, pre, svg, .skip')
              && e.getBoundingClientRect().right > innerWidth + 0.5).map(e => e.outerHTML.slice(0, 120))"""
    assert tab.run(wide) == []


def test_a_phone_shows_each_difference_with_its_p_without_scrolling(tab: Tab, pages: Pages) -> None:
    tab.open(pages["comparison"], width=390)
    cells = tab.run("""[...document.querySelectorAll('table.compared')].filter(t => !t.closest('details')).flatMap(t =>
              [...t.tBodies[0].rows].map(r => [r.cells[1].innerText, r.cells[1].getBoundingClientRect().right]))""")
    assert len(cells) > 10
    assert all("points" in said and re.search(r"p (below )?[01]\.", said) for said, _ in cells)
    assert all(right <= 390 for _, right in cells)


def test_charts_follow_the_page_s_width(tab: Tab, pages: Pages) -> None:
    widths = {}
    for width in (360, 1280):
        tab.open(pages["audit"], width=width)
        widths[width] = tab.run("document.querySelector('[data-chart=headline] svg').getBoundingClientRect().width")
    assert 300 <= widths[360] <= 340
    assert widths[1280] > 500


def test_dark_mode_reaches_the_charts(tab: Tab, pages: Pages) -> None:
    mark = "getComputedStyle(document.querySelector('[data-chart=headline] .mark-symbol path')).fill"
    look = f"[getComputedStyle(document.body).backgroundColor, {mark}]"
    tab.open(pages["audit"])
    light = tab.run(look)
    tab.open(pages["audit"], dark=True)
    dark = tab.run(look)
    assert light[0] == "rgb(255, 255, 255)"
    assert sum(map(int, dark[0][4:-1].split(","))) < 120
    assert light[1] != dark[1]
    assert {light[1], dark[1]} & {"rgb(0, 0, 0)", "none"} == set()


def test_a_heading_sorts_and_what_is_missing_comes_last(tab: Tab, pages: Pages) -> None:
    tab.open(pages["audit"])
    table = "[...document.querySelectorAll('#shifts table')].at(-1)"  # every shift, below one row for each kind
    click = f"{table}.querySelector('thead th:nth-child(5) button').click()"
    column = f"[...{table}.querySelectorAll('tbody tr')].map(r => r.cells[4].dataset.sort ?? null)"
    for reverse in (False, True):
        tab.run(click)
        values = tab.run(column)
        numbers = [float(value) for value in values if value is not None]
        assert numbers == sorted(numbers, reverse=reverse)
        assert values[len(numbers) :] == [None] * (len(values) - len(numbers))
        assert tab.run(f"{table}.querySelector('thead th:nth-child(5)').ariaSort") == ("descending" if reverse else "ascending")


def test_a_number_opens_its_card(tab: Tab, pages: Pages) -> None:
    tab.open(pages["audit"])
    card = tab.run("(a => { a.click(); return a.hash.slice(1) })(document.querySelector('#shifts td.at_most a'))")
    tab.wait(f"document.getElementById('{card}').open")
    assert tab.run(f"document.getElementById('{card}').closest('.drawer').open")
    assert tab.run(f"Math.abs(document.getElementById('{card}').getBoundingClientRect().top)") < 800


def test_the_filter_keeps_what_contains_the_words(tab: Tab, pages: Pages) -> None:
    tab.open(pages["audit"])
    tab.run("(i => { i.value = 'zero_gradients'; i.dispatchEvent(new Event('input')) })(document.querySelector('#cards input'))")
    assert tab.run("document.querySelectorAll('details.card:not([hidden])').length") == 1
    assert tab.run("[...document.querySelectorAll('.drawer:not([hidden])')].every(d => d.open)")
    tab.run("(i => { i.value = ''; i.dispatchEvent(new Event('input')) })(document.querySelector('#cards input'))")
    assert tab.run("document.querySelectorAll('details.card[hidden]').length") == 0


def test_paper_shows_what_was_folded(tab: Tab, pages: Pages) -> None:
    tab.open(pages["audit"])
    tab.run("dispatchEvent(new Event('beforeprint'))")
    assert tab.run("document.querySelectorAll('details:not([open])').length") == 0
    tab.run("dispatchEvent(new Event('afterprint'))")
    assert tab.run("document.querySelectorAll('details[open]').length") == 0


def test_the_policy_stops_a_planted_script_and_a_planted_request(tab: Tab, pages: Pages, tmp_path: Path) -> None:
    planted = tmp_path / "planted.html"
    evil = "<script>document.title = 'taken'</script><img src='https://example.invalid/x.png'>"
    planted.write_text(pages["audit"].read_text(encoding="utf-8").replace("<main", f"{evil}<main", 1), encoding="utf-8")
    tab.open(planted)
    assert tab.run("document.title") != "taken"
    blocked = [error for error in tab.errors if "Content Security Policy" in error]
    assert len(blocked) == 2
    assert tab.dialogs == []


def test_charts_speak_to_screen_readers(tab: Tab, pages: Pages) -> None:
    tab.open(pages["audit"])
    labels = tab.run("[...document.querySelectorAll('[data-chart] svg')].map(s => (s.closest('[aria-label]') || s).ariaLabel)")
    assert all(labels)
    assert tab.run("[...document.querySelectorAll('.scroll')].every(s => s.tabIndex === 0 && s.ariaLabel)")
    assert tab.run("document.documentElement.lang") == "en"
