"""Each cell keeps the versions of the libraries that it was computed with, and a run of several versions says so."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import shiftproof as sp
from shiftproof.records.audit import read_audit
from shiftproof.runs import libraries, store
from shiftproof.runs.libraries import added, installed, loaded, other_versions
from small_runs import linear_net

NOW = {"python": "3.11.2", "torch": "2.13.0", "numpy": "2.3.0"}
OPTIONS: dict[str, Any] = {"shifts": ["linf(eps=0.1)"], "searches": ["best_of_n(n=2)"], "limit": 12, "progress": False}


def test_what_this_process_has_loaded() -> None:
    assert loaded()["torch"] == installed("torch")
    assert "keras" not in loaded()
    assert installed("no-such-package") is None


def test_one_version_says_nothing_and_others_are_counted() -> None:
    assert other_versions([[NOW], [NOW]], NOW) == []
    assert other_versions([[{**NOW, "keras": "3.0"}]], NOW) == []  # what is not loaded now cannot be compared
    (said,) = other_versions([[NOW], [{**NOW, "torch": "2.12.0"}], [NOW, {**NOW, "torch": "2.12.0", "numpy": "2.2.0"}]], NOW)
    assert said.startswith(
        "Of 3 cells, some were computed with other versions of libraries than this process has: 1 with numpy 2.2.0 (now 2.3.0), "
        "2 with torch 2.12.0 (now 2.13.0). Another version may answer otherwise."
    )
    assert other_versions([[], [NOW]], NOW) == [
        "The files of 1 of 2 cells do not tell with which versions of libraries they were computed."
    ]


def test_versions_are_kept_once() -> None:
    other = {**NOW, "torch": "2.12.0"}
    assert added(added(added((), NOW), other), NOW) == (NOW, other)


def test_a_run_that_goes_on_with_another_version_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "run"
    first = sp.audit(linear_net(), "digits:", out=str(out), **OPTIONS).record
    assert [cell.versions for cell in first.cells] == [[loaded()]] * 2
    assert not any("versions" in note for note in first.model.notes)
    moved = next(cell.key for cell in first.cells if cell.shift != "identity")
    (out / "cells" / f"{moved}.parquet").unlink()
    newer = {**loaded(), "torch": "99.1"}
    monkeypatch.setattr(store, "loaded", lambda: newer)
    monkeypatch.setattr("shiftproof.evaluation.audit.record.loaded", lambda: newer)
    again = sp.audit(linear_net(), "digits:", out=str(out), **OPTIONS)
    (said,) = (note for note in again.record.model.notes if "versions" in note)
    assert re.match(r"Of 2 cells, some were .*: 1 with torch \S+ \(now 99\.1\)\.", said)
    assert {cell.key: cell.versions[0]["torch"] for cell in read_audit(out).cells}[moved] == "99.1"
    assert said in again.page.read_text(encoding="utf-8")


def test_a_cell_without_versions_is_of_an_older_file(tmp_path: Path) -> None:
    out = tmp_path / "run"
    sp.audit(linear_net(), "digits:", out=str(out), **OPTIONS)
    for path in (out / "cells").glob("*.parquet"):
        card = json.loads(pq.read_table(path).schema.metadata[b"shiftproof"])
        assert card["versions"] == [libraries.loaded()]
