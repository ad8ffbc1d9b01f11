"""The table of what attacks leave behind codecs is that of the stored record, and ours leaves no more than queries do."""

from __future__ import annotations

import json
from typing import Any

from repository import ROOT
from shiftproof.risks.intervals import wilson

ROWS: list[dict[str, Any]] = json.loads((ROOT / "benchmarks" / "results" / "0.1.0" / "compression.json").read_text(encoding="utf-8"))[
    "rows"
]
COLUMNS = ("identity", "ours", "square, equal passes", "square", "cascade")


def cell(left: int, n: int) -> str:
    low, high = (float(end) for end in wilson(left, n))
    return f"{left / n:.1%} ({low:.1%} to {high:.1%})".replace("%", " %")


def line(row: dict[str, Any]) -> str:
    cells = [cell(row["left"][name], row["n"]) if name in row["left"] else "not measured" for name in COLUMNS]
    cells[3] += f" at {row['queries']:,}" if "square" in row["left"] else ""
    return f"| `{row['codec']}` | {row['clean'] / row['n']:.1%} | ".replace("%", " %") + " | ".join(cells) + " |"


def test_the_guide_has_the_measured_table() -> None:
    page = (ROOT / "docs" / "guide" / "defences.md").read_text(encoding="utf-8")
    for row in ROWS:
        assert line(row) in page, line(row)


def test_the_climb_leaves_no_more_than_as_many_queries_and_the_cascade_no_more_than_all() -> None:
    for row in ROWS:
        left = row["left"]
        assert left["ours"] <= left["square, equal passes"]
        assert row["n"] >= 200
        if "cascade" in left and "square" in left:
            assert left["cascade"] <= left["square"]
