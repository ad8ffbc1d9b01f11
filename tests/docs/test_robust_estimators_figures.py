"""The figures on the page of the robust estimators are those that the benchmark stored."""

from __future__ import annotations

import json

from repository import ROOT

RESULT = ROOT / "benchmarks" / "results" / "0.1.0" / "robust_estimators--x86_64--cpu.json"


def row(figure: dict[str, object]) -> str:
    """One line of the page's table."""
    ratio, seconds = figure["ratio"], figure["seconds"]
    if not isinstance(ratio, float) or not isinstance(seconds, float):
        return f"| {figure['what']} | | {figure['against']} | not measured |"
    return f"| {figure['what']} | {seconds:.2g} s | {figure['against']} | {ratio:.2g} |"


def test_the_page_has_every_figure_and_no_other() -> None:
    figures = json.loads(RESULT.read_text(encoding="utf-8"))["figures"]
    page = (ROOT / "docs" / "guide" / "robust-estimators.md").read_text(encoding="utf-8")
    section = page.split("## Speed")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")][1:]
    assert rows == [row(figure) for figure in figures]
