"""Intervals of measures that hold together for all groups of a column, or for all classes."""

from __future__ import annotations

import html
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

import shiftproof as sp
from shiftproof.measures import Answered, Recall
from shiftproof.records.audit import Audit
from shiftproof.reports.audit.group_gaps import gap_lines, measure_gaps
from shiftproof.reports.audit.page import page
from validity import assert_covers

Floats = npt.NDArray[np.float32]
COUNTS = {("F", 0): (40, 50), ("F", 1): (10, 60), ("M", 0): (45, 50), ("M", 1): (55, 60), ("X", 1): (1, 1)}
"""By group and class: so many right of so many."""


def ask(inputs: Floats) -> Floats:
    return np.concatenate([1 - inputs, inputs], axis=1)


def run(*measures: str, counts: dict[tuple[str, int], tuple[int, int]] = COUNTS) -> Audit:
    right = [(group, label, k < good) for (group, label), (good, n) in counts.items() for k in range(n)]
    y = np.array([label for _, label, _ in right])
    x = np.array([[label if good else 1 - label] for _, label, good in right], dtype=np.float32)
    data = sp.examples(x, y, groups={"sex": [group for group, _, _ in right]})
    return sp.audit(ask, data, shifts=["linf(eps=0.01)"], searches=["one_draw"], measures=measures, box=(0, 1), progress=False).record


def exact(good: int, n: int, tail: float) -> tuple[float, float]:
    ends = stats.binomtest(good, n).proportion_ci(1 - tail, method="exact")
    return float(ends.low), float(ends.high)


def test_groups_of_one_class_hold_together() -> None:
    record = run("recall(class=1)")
    found = {m.group: m for m in record.measures if m.shift == "identity"}
    assert found[None].together is None
    for group in "FMX":
        measure = found[f"sex={group}"]
        assert measure.family == 3
        assert measure.together == pytest.approx(exact(*COUNTS[group, 1], 0.05 / 3))
        assert measure.interval == pytest.approx(exact(*COUNTS[group, 1], 0.05))
    assert all(m.together is None for m in record.measures if m.shift != "identity")


def test_classes_hold_together_and_with_the_groups() -> None:
    found = [m for m in run("recall(class=each)", "precision").measures if m.shift == "identity"]
    everyone = {m.measure: m for m in found if m.group is None}
    assert everyone["precision"].together is None
    for label in (0, 1):
        good, n = (sum(counts[k] for (_, y), counts in COUNTS.items() if y == label) for k in (0, 1))
        assert everyone[f"recall(class={label})"].together == pytest.approx(exact(good, n, 0.05 / 2))
    one = next(m for m in found if m.group == "sex=M" and m.measure == "recall(class=1)")
    assert one.family == 6
    assert one.together == pytest.approx(exact(55, 60, 0.05 / 6))


def test_the_gap_that_is_there_is_said_with_its_sample_sizes() -> None:
    record = run("recall(class=1)")
    ((label, gap),) = measure_gaps(record)
    assert label == "recall of class 1"
    assert gap.sure == pytest.approx(exact(55, 60, 0.05 / 3)[0] - exact(10, 60, 0.05 / 3)[1])
    said = gap.sentence(label)
    assert said.startswith("sex: recall of class 1 is 16.7% for sex=F (n = 60) and 91.7% for sex=M (n = 60); ")
    assert said.endswith("1 group of fewer than 30 examples says little.")
    assert said in gap_lines(record)


def test_the_page_has_the_gaps_and_small_groups_in_grey(tmp_path: Path) -> None:
    record = run("recall(class=each)", "precision")
    gaps = measure_gaps(record)
    assert {(label, gap.what) for label, gap in gaps} == {
        ("recall", "class"),
        ("recall of class 0", "group"),
        ("recall of class 1", "group"),
        ("precision, mean over classes", "group"),
    }
    by_class = next(gap for label, gap in gaps if gap.what == "class")
    assert {share.group: share.n for share in by_class.groups} == {"0": 100, "1": 121}
    text = html.unescape(page(record, tmp_path))
    assert all(gap.sentence(label) in text for label, gap in gaps)
    assert '<tr class="few"><th scope="row">sex=X</th>' in text
    assert '<tr class="few"><th scope="row">sex=F</th>' not in text
    assert "95% intervals that hold together for all 3." in text


def test_no_gap_of_measures_that_nobody_asked_for() -> None:
    assert measure_gaps(run()) == []


def test_all_intervals_of_a_column_hold_together_as_often_as_stated() -> None:
    """Three groups of different recall: some interval misses in at most 5 of 100 runs."""
    truth, sizes, rng = (0.1, 0.5, 0.97), (8, 20, 60), np.random.default_rng(0)
    recall = Recall(class_="1")
    ends = {}
    for g, n in enumerate(sizes):
        for k in range(n + 1):
            answered = Answered(np.ones(n, dtype=np.int64), np.arange(n) < k, ("0", "1"))
            ends[g, k] = recall.measure(answered, confidence=1 - 0.05 / len(sizes)).interval
    drawn = np.stack([rng.binomial(n, p, 4000) for n, p in zip(sizes, truth, strict=True)], axis=1)
    missed = [not all(ends[g, k].low <= truth[g] <= ends[g, k].high for g, k in enumerate(row)) for row in drawn.tolist()]
    assert_covers(missed, 0.05)
