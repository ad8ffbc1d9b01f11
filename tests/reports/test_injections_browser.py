"""Payloads behind every text of every page, in a real browser, with the page's content policy and without: none runs, none fetches."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chromium import BINARY, Tab, chromium
from every_page import PAGES
from injected import DIRECT, PAYLOADS

pytestmark = pytest.mark.skipif(BINARY is None, reason="needs Chromium on the PATH")

TURNS = range(int(os.environ.get("SHIFTPROOF_TURNS", "30")))
TIPS = ("audit", "defend", "stress", "studies")
"""Pages whose charts say more of what the mouse is on."""
HOOK = "window.seen = []; window.fired = (k) => { window.top.seen.push(k); };"
PROVOKE = """(async () => {
    document.querySelectorAll("details").forEach((each) => { each.open = true; });
    let tips = 0;
    for (const svg of document.querySelectorAll(".plot svg")) {
        for (const mark of [...svg.querySelectorAll("path, text")].slice(-9)) {
            for (const kind of ["pointermove", "mousemove", "pointerover", "mouseover"]) {
                mark.dispatchEvent(new MouseEvent(kind, { bubbles: true, clientX: 9, clientY: 9 }));
            }
            tips += Boolean(document.querySelector("#vg-tooltip-element.visible"));
        }
    }
    await new Promise((done) => { const image = new Image(); image.onerror = done; image.src = "data:image/png;base64,AA"; });
    await new Promise((done) => setTimeout(done, 30));
    const bad = [...document.querySelectorAll(":not(form.vega-bindings)")].filter((each) =>
        ["IFRAME", "OBJECT", "EMBED", "BASE", "FORM", "LINK", "FOREIGNOBJECT"].includes(each.tagName.toUpperCase())
        || [...each.attributes].some((a) => /^on/i.test(a.name) || (/^(href|src|action|formaction|xlink:href|srcdoc)$/i.test(a.name)
            && /^\\s*(javascript|vbscript|data:text)/i.test(a.value))));
    const data = document.getElementById("chart-data");
    return { tips, seen: window.seen, bad: bad.map((each) => each.outerHTML.slice(0, 200)),
             text: document.documentElement.textContent + (data ? data.textContent : ""),
             scripts: document.querySelectorAll("script").length, metas: document.querySelectorAll("meta[http-equiv]").length };
})()"""


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with chromium(tmp_path_factory.mktemp("profile")) as found:
        found.call("Page.addScriptToEvaluateOnNewDocument", {"source": HOOK})
        yield found


def provoked(tab: Tab, page: Path, *, policy: bool) -> dict[str, Any]:
    """What a page did when it was unfolded and its charts were hovered over."""
    for kept in (tab.dialogs, tab.errors, tab.requests):
        kept.clear()
    tab.call("Page.setBypassCSP", {"enabled": not policy})
    tab.open(page)
    found: dict[str, Any] = tab.run(PROVOKE)
    return found


def harmless(tab: Tab, page: Path, *, tips: bool) -> set[int]:
    """Checks that nothing runs, with the page's policy and without; the payloads that the page holds."""
    reached: set[int] = set()
    for policy in (True, False):
        found = provoked(tab, page, policy=policy)
        assert (found["seen"], found["bad"], tab.dialogs) == ([], [], [])
        assert {address for address in tab.requests if not address.startswith("data:image/")} == {page.as_uri()}
        assert found["scripts"] <= 3
        assert found["metas"] == 1
        assert found["tips"] > 0 or not tips
        reached |= {int(number) for number in re.findall(r"fired\((\d+)\)", found["text"])}
    return reached


@pytest.mark.parametrize("name", PAGES)
def test_no_payload_runs(name: str, tab: Tab, tmp_path: Path) -> None:
    reached = harmless(tab, PAGES[name](tmp_path, 0), tips=name in TIPS)
    assert len(reached) >= 3


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_no_payload_runs_anywhere(name: str, tab: Tab, tmp_path: Path) -> None:
    """Every text of every page with every payload."""
    reached: set[int] = set()
    for turn in TURNS:
        folder = tmp_path / str(turn)
        folder.mkdir()
        reached |= harmless(tab, PAGES[name](folder, turn), tips=name in TIPS)
    assert reached == set(range(len(PAYLOADS)))


def test_an_unescaped_payload_is_caught(tab: Tab, tmp_path: Path) -> None:
    page = PAGES["studies"](tmp_path, 0)
    plain = page.read_text(encoding="utf-8")
    page.write_text(plain.replace("</main>", f"{''.join(PAYLOADS[k] for k in DIRECT)}</main>", 1), encoding="utf-8")
    strict = provoked(tab, page, policy=True)
    assert strict["seen"] == []
    assert strict["bad"]
    provoked(tab, page, policy=False)
    tab.wait(f"new Set(window.seen).size >= {len(DIRECT)}")  # some run when a picture has not come, which takes as long as it takes
    assert set(tab.run("window.seen")) == set(DIRECT)
    page.write_text(plain.replace("</main>", f"<img src=//evil.invalid/x.png>{PAYLOADS[25]}</main>", 1), encoding="utf-8")
    provoked(tab, page, policy=False)
    wanted = {"file://evil.invalid/x.png", "file://evil.invalid/25.css"}
    tab.wait_for(lambda: wanted <= set(tab.requests))
