"""What the suites ask of tables beside moved rows: groups by time, label shift, and what data cannot carry."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

import shiftproof as sp
from shiftproof.data.source import Source
from shiftproof.evaluation.audit.table_suite import grouped_by_time

DATED = pd.DataFrame(
    {
        "age": np.arange(40.0),
        "hired": pd.date_range("2020-01-01", periods=40).strftime("%Y-%m-%d"),
        "y": ["no", "yes"] * 20,
    }
)


def older(x: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    return (x[:, 0] > 20).astype(np.int64)


def test_dates_are_halved() -> None:
    source = grouped_by_time(sp.load_data(DATED, label="y"))
    assert source.groups["hired"].tolist() == ["before 2020-01-21"] * 20 + ["from 2020-01-21"] * 20
    assert "No groups were named: rows are grouped by 'hired', half of them before 2020-01-21" in source.notes[-1]
    tied = grouped_by_time(sp.load_data(DATED.assign(hired=["2020-01-01"] * 30 + ["2020-03-01"] * 10), label="y"))
    assert tied.groups["hired"].tolist() == ["before 2020-03-01"] * 30 + ["from 2020-03-01"] * 10
    hours = grouped_by_time(sp.load_data(DATED.assign(hired=pd.date_range("2020-01-01", periods=40, freq="h")), label="y"))
    assert hours.groups["hired"].tolist()[0] == "before 2020-01-01T20:00:00"
    gaps = grouped_by_time(sp.load_data(DATED.assign(hired=DATED["hired"].mask(DATED.index < 2)), label="y"))
    assert gaps.groups["hired"].tolist()[:3] == ["(missing)"] * 2 + ["before 2020-01-22"]


@pytest.mark.parametrize(
    "source",
    [
        sp.load_data(DATED.drop(columns="hired"), label="y"),
        sp.load_data(DATED, label="y", groups=["age:20"]),
        sp.load_data(DATED.assign(hired="2020-01-01"), label="y"),
        sp.load_data("digits:", limit=10),
    ],
    ids=["no dates", "groups named", "one date", "no table"],
)
def test_others_are_left_alone(source: Source) -> None:
    assert grouped_by_time(source) is source


def test_a_suite_shows_time_and_label_shift(tmp_path: Path) -> None:
    report = sp.audit(older, DATED, label="y", suite="quick", limit=40, progress=False, out=tmp_path)
    of_all = [m for m in report.record.measures if m.group is None]
    assert [(m.measure, m.shift) for m in of_all] == [("label_shift", "identity")]
    assert {r.group for r in report.record.results if r.risk == "group"} == {"hired=before 2020-01-21", "hired=from 2020-01-21"}
    again = sp.audit(older, DATED, label="y", suite="quick", limit=40, progress=False, out=tmp_path)
    assert again.record.results == report.record.results


def test_what_cannot_be_is_said() -> None:
    report = sp.audit(older, DATED.drop(columns="hired"), label="y", suite="quick", progress=False)
    said = {out.shift: out.reason for out in report.record.left_out}
    assert said["natural shift"].startswith("no column holds dates and no groups are named; name another sample with --shift-from")
    named = sp.audit(older, DATED.drop(columns="hired"), label="y", shifts=["missing(share=0.1)"], searches=["one_draw"], progress=False)
    assert not named.record.left_out
    assert not named.record.measures


def test_numbers_have_no_label_shift() -> None:
    frame = pd.DataFrame({"rooms": np.arange(30.0), "price": np.arange(30) * 1.5})
    model = sp.as_answers(lambda x: np.asarray(x)[:, 0] * 1.5, said="numbers")
    report = sp.audit(model, sp.load_data(frame, target="price"), judge="within(absolute=1, relative=0.1)", suite="quick", progress=False)
    assert {out.shift: out.reason for out in report.record.left_out}["label shift"].startswith("the model predicts numbers")
    assert not report.record.measures
