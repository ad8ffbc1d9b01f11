"""`drift` from two samples to the record, the page and the terminal."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from shiftproof import UsageError, examples
from shiftproof._sealed import read_document
from shiftproof.evaluation.drift.drift import FILE, DriftConfig, run_drift
from shiftproof.records.drift import DriftRecord
from shiftproof.reports.drift import headline, terminal_drift

RNG = np.random.default_rng(0)


def people(n: int, hard: float, sent: float = 0.0) -> pd.DataFrame:
    kind = np.where(RNG.random(n) < hard, "hard", "easy")
    y = np.where(RNG.random(n) < np.where(kind == "hard", 0.5, 0.95), "yes", "no")
    age = RNG.integers(18, 80, n).astype(float)
    age[RNG.random(n) < 0.1] = np.nan
    return pd.DataFrame({"age": age, "kind": kind, "year": 2000.0 + sent + RNG.random(n), "y": y})


class AlwaysYes:
    """What a model of people who pay back says."""

    classes_ = np.array(["no", "yes"])
    n_features_in_ = 3
    feature_names_in_ = np.array(["age", "kind", "year"], dtype=object)

    def get_params(self, deep: bool = True) -> dict[str, object]:
        return {}

    def predict(self, x: pd.DataFrame) -> list[str]:
        return ["yes"] * len(x)  # it is right on those who do


def test_a_drift_from_frames_to_the_page(tmp_path: Path) -> None:
    record = run_drift(DriftConfig(first=people(600, 0.1), second=people(600, 0.6), model=AlwaysYes(), label="y", out=str(tmp_path)))
    assert [column.name for column in record.columns if column.moved] == ["kind"]
    assert record.columns[0].example in ("easy: 90.0 to 40.0%", "hard: 10.0 to 60.0%") or record.columns[0].example.startswith(
        ("easy", "hard")
    )
    assert record.shares[0].name == "kind"
    assert record.shares[0].share == pytest.approx(record.change, abs=0.08)
    assert sum(share.share for share in record.shares) + record.rest == pytest.approx(record.change)
    assert headline(record).startswith("Accuracy falls from ")
    assert "1 of 4 columns moved: kind (95% confidence that none of these is chance)." in headline(record)
    assert read_document(tmp_path / FILE, "drift")
    page = (tmp_path / "index.html").read_text()
    assert "What moved, and what it did to" in page
    assert "easy: " in page or "hard: " in page


def test_the_terminal_keeps_every_number_at_80_columns(tmp_path: Path) -> None:
    record = run_drift(DriftConfig(first=people(300, 0.1), second=people(300, 0.6), model=AlwaysYes(), label="y", out=str(tmp_path)))
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(terminal_drift(record))
    said = console.export_text()
    assert "…" not in said
    assert all(len(line) <= 80 for line in said.splitlines())
    assert "not explained" in said
    assert "on the page" not in said
    console.print(terminal_drift(record.model_copy(update={"columns": record.columns * 5})))
    assert "8 more columns on the page" in " ".join(console.export_text().split())


def test_columns_in_which_the_samples_do_not_overlap_are_not_reweighted(tmp_path: Path) -> None:
    record = run_drift(
        DriftConfig(first=people(300, 0.2), second=people(300, 0.2, sent=10), model=AlwaysYes(), label="y", out=str(tmp_path))
    )
    assert record.columns[0].name == "year"
    assert "year" not in [share.name for share in record.shares]
    assert any("The samples do not overlap in year" in note for note in record.notes)


def test_nothing_moved(tmp_path: Path) -> None:
    record = run_drift(DriftConfig(first=people(200, 0.2), second=people(200, 0.2), model=AlwaysYes(), label="y", out=str(tmp_path)))
    assert headline(record).endswith("No column is known to have moved.")
    assert [share.name for share in record.shares] == ["other columns"]


def test_data_that_are_no_tables_are_refused(tmp_path: Path) -> None:
    data = examples(np.zeros((4, 2)), [0, 1, 0, 1])
    with pytest.raises(UsageError, match="drift compares the columns of tables, and the data '.*' are of kind 'vector'"):
        run_drift(DriftConfig(first=data, second=data, model=AlwaysYes(), out=str(tmp_path)))


def test_the_record_is_a_document() -> None:
    assert DriftRecord.model_fields["seal"].default is None
