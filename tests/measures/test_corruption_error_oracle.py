"""Corruption errors by hand on small tables, a few published rows, and tables that cannot be used."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from sample_audit import sample_audit
from shiftproof._errors import UsageError
from shiftproof.measures.corruption_error import (
    ALEXNET,
    CATEGORIES,
    SEVERITIES,
    corruption_accuracy,
    entropy_interval,
    mean_corruption_error,
)
from shiftproof.measures.corruption_table import CorruptionTable, from_audit, from_frame, from_numbers, from_row
from shiftproof.shifts.corruptions.suites import COMMON

PAIR = ("fog", "snow")
MODEL = CorruptionTable({"fog": {1: 0.8, 2: 0.6}, "snow": {1: 0.5, 2: 0.3}}, clean=0.9, n=200, name="m")
BASE = CorruptionTable({"fog": {1: 0.6, 2: 0.2}, "snow": {1: 0.5, 2: 0.1}}, clean=0.7, name="b")

# Top-1 accuracy at severities 1 to 5, images on disk, rounded to 0.001 %. From robustness_top1s.csv of modestyachts/imagenet-testbed (MIT).
RESNET50 = {"fog": (59.312, 53.058, 44.130, 37.844, 22.696), "brightness": (71.392, 69.678, 66.876, 62.308, 55.702)}
TESTBED_ALEXNET = {"fog": (29.760, 21.526, 14.028, 11.428, 4.842), "brightness": (51.724, 48.164, 42.714, 34.586, 24.596)}


def everything(value: float = 0.5) -> CorruptionTable:
    return CorruptionTable({c: dict.fromkeys(SEVERITIES, value) for c in COMMON}, clean=0.8, n=1000)


def test_by_hand() -> None:
    found = mean_corruption_error(MODEL, baseline=BASE, corruptions=PAIR, severities=(1, 2))
    assert found.by_corruption == pytest.approx({"fog": (0.2 + 0.4) / (0.4 + 0.8), "snow": (0.5 + 0.7) / (0.5 + 0.9)})
    assert found.mean == pytest.approx((0.5 + 1.2 / 1.4) / 2)
    relative = {"fog": (0.1 + 0.3) / (0.1 + 0.5), "snow": (0.4 + 0.6) / (0.2 + 0.6)}
    assert found.relative_by_corruption == pytest.approx(relative)
    assert found.relative == pytest.approx(sum(relative.values()) / 2)
    assert (found.baseline, found.model) == ("b", "m")


def test_a_model_against_itself_is_one() -> None:
    found = mean_corruption_error(BASE, baseline=BASE, corruptions=PAIR, severities=(1, 2))
    assert (found.mean, found.relative) == pytest.approx((1.0, 1.0))


def test_the_published_baseline_is_named_and_is_a_mean() -> None:
    found = mean_corruption_error(everything())
    assert found.mean == pytest.approx(np.mean([0.5 / ALEXNET.error[c] for c in COMMON]))
    assert found.relative == pytest.approx(np.mean([(0.5 - 0.2) / (ALEXNET.error[c] - 0.435) for c in COMMON]))
    assert str(found).endswith("over 15 corruptions, against the standard AlexNet table of Hendrycks & Dietterich 2019")
    assert set(ALEXNET.error) > set(COMMON)
    assert "relative" not in str(mean_corruption_error(replace(everything(), clean=math.nan)))


def test_the_baseline_changes_the_number() -> None:
    def table(rows: Mapping[str, tuple[float, ...]], name: str) -> CorruptionTable:
        return from_numbers({(c, s): v for c, values in rows.items() for s, v in enumerate(values, 1)}, values="accuracy", name=name)

    resnet, own = table(RESNET50, "resnet50"), table(TESTBED_ALEXNET, "alexnet of the testbed")
    rows = tuple(RESNET50)
    standard = mean_corruption_error(resnet, corruptions=rows)
    measured = mean_corruption_error(resnet, baseline=own, corruptions=rows)
    assert standard.by_corruption["fog"] == pytest.approx((1 - 0.43408) / 0.819324, abs=1e-6)
    assert measured.by_corruption["fog"] == pytest.approx((1 - 0.43408) / (1 - 0.163168), abs=1e-6)
    assert measured.baseline == "alexnet of the testbed"


def test_errors_and_accuracies_shares_and_percents_give_one_table() -> None:
    numbers = {("fog", 1): 0.8, ("fog", 5): 0.6}
    same = [
        from_numbers(numbers, values="accuracy", clean=0.9),
        from_numbers({k: 100 * v for k, v in numbers.items()}, values="accuracy", clean=90),
        from_numbers({k: 1 - v for k, v in numbers.items()}, values="error", clean=0.1),
        from_row({"top1": 90.0, "c/fog/1": 80.0, "c/fog/5": 60.0, "x": 1.0}, "c/{corruption}/{severity}", values="accuracy", clean="top1"),
        from_frame(pd.DataFrame({"corruption": ["fog"] * 2, "severity": [1, 5], "error": [20.0, 40.0]}), clean=10.0),
    ]
    for table in same:
        assert table.accuracy["fog"] == pytest.approx({1: 0.8, 5: 0.6})
        assert table.clean == pytest.approx(0.9)


def test_corruptions_of_several_words_and_numbers_that_are_missing() -> None:
    row = {"c.gaussian_noise.1_disk": 50.0, "c.gaussian_noise.2_disk": math.nan, "c.jpeg_compression.1_disk": 60.0}
    table = from_row(row, "c.{corruption}.{severity}_disk", values="accuracy")
    assert {c: list(levels) for c, levels in table.accuracy.items()} == {"gaussian_noise": [1], "jpeg_compression": [1]}


def test_accuracy_by_kind() -> None:
    found = corruption_accuracy(replace(everything(), accuracy={**everything().accuracy, "pinch": {1: 0.3}}))
    assert set(found.by_category) == set(CATEGORIES)
    assert found.by_category["blur"].accuracy == pytest.approx(0.5)
    assert found.left_out == ("pinch",)
    low, high = found.by_corruption["fog"].interval
    assert low < 0.5 < high < 0.56
    assert found.cells["pinch", 1].interval.low == pytest.approx(0.2718, abs=5e-4)
    unknown = corruption_accuracy(replace(MODEL, n=0))
    assert math.isnan(unknown.overall.interval.low)
    assert math.isnan(unknown.cells["fog", 1].interval.low)


def test_the_interval_of_a_mean_solves_its_equation() -> None:
    for mean in (0.0, 0.03, 0.5, 1.0):
        low, high = entropy_interval(mean, 100)
        assert low <= mean <= high
        for end in (low, high):
            if 0 < end < 1:
                parts = [a * math.log(a / b) for a, b in ((mean, end), (1 - mean, 1 - end)) if a > 0]
                assert 100 * sum(parts) == pytest.approx(math.log(40), rel=1e-6)
    assert math.isnan(entropy_interval(0.5, 0).low)


def test_an_audit_is_read() -> None:
    audit = sample_audit()
    made = audit.results[0]

    def result(severity: float, value: float, **other: object) -> object:
        plain = {"family": "fog", "shift": f"fog(severity={severity:g})", "strength": severity, "strength_name": "severity", "value": value}
        rest = {"kind": "estimate", "risk": "mean", "measure": "accuracy", "group": None, "n": 50, "data": audit.data.uri}
        return made.model_copy(update={**plain, **rest, **other})

    results = [result(1, 0.7), result(3, 0.5), result(2.5, 0.6), result(1, 0.2, kind="at_most"), result(1, 0.1, group="a=b")]
    table = from_audit(audit.model_copy(update={"results": results}))
    assert table.accuracy == {"fog": {1: 0.7, 3: 0.5}}
    assert (table.clean, table.n, table.name) == (audit.clean.accuracy, 50, audit.model.name)
    with pytest.raises(UsageError, match="has no corruption in its average case at a whole severity. Add some with --shift"):
        from_audit(audit.model_copy(update={"results": []}))


def test_what_is_missing_is_named() -> None:
    some = {c: dict.fromkeys(SEVERITIES, 0.5) for c in COMMON if c != "fog"} | {"snow": {1: 0.5, 4: 0.5}}
    with pytest.raises(UsageError, match=r"The table 'given row' lacks snow at severity 2, 3, 5; fog. Measure them"):
        mean_corruption_error(CorruptionTable(some))
    with pytest.raises(UsageError, match="The table 'b' lacks frost"):
        mean_corruption_error(CorruptionTable({"frost": {1: 0.5}}), baseline=BASE, corruptions=("frost",), severities=(1,))
    with pytest.raises(UsageError, match="must be 1 to 5, which its errors are means over, got"):
        mean_corruption_error(MODEL, corruptions=PAIR, severities=(1, 2))
    own = CorruptionTable({"rain": dict.fromkeys(SEVERITIES, 0.5)})
    with pytest.raises(UsageError, match=r"must be of gaussian_noise, .* got \['rain'\]"):
        mean_corruption_error(own, corruptions=("rain",))
    with pytest.raises(UsageError, match="The 'corruptions' of mean_corruption_error must name at least one"):
        mean_corruption_error(MODEL, corruptions=())


def test_baselines_that_nothing_can_be_divided_by() -> None:
    perfect = CorruptionTable({"fog": {1: 1.0}}, clean=1.0)
    one = CorruptionTable({"fog": {1: 0.5}}, clean=0.9)
    with pytest.raises(UsageError, match="have an error above 0 under fog, got 0"):
        mean_corruption_error(one, baseline=perfect, corruptions=("fog",), severities=(1,))
    with pytest.raises(UsageError, match="err more under fog than its clean 0.6"):
        mean_corruption_error(one, baseline=replace(one, clean=0.4), corruptions=("fog",), severities=(1,))


@pytest.mark.parametrize(
    ("numbers", "values", "clean", "message"),
    [
        ({("fog", 1): 30.0, ("fog", 5): 60.0}, "accuracy", math.nan, "accuracy rises with severity, from 30.0% to 60.0% on average"),
        ({("fog", 1): 0.7, ("fog", 5): 0.4}, "error", math.nan, "For accuracy rates use values='accuracy'"),
        ({("fog", 5): 60.0}, "accuracy", 24.0, "clean data, 24.0%, is below the mean under corruptions, 60.0%, read as accuracy"),
        ({("fog", 1): 130.0}, "accuracy", math.nan, "lie in \\[0, 1\\], or in \\[0, 100\\] as percents, got 130"),
        ({}, "accuracy", math.nan, "The table is empty"),
        ({("fog", 1): 0.3}, "top1", math.nan, "be 'accuracy' or 'error', got 'top1'"),
    ],
)
def test_mixed_up_numbers_are_noticed(numbers: dict[tuple[str, int], float], values: str, clean: float, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        from_numbers(numbers, values=values, clean=clean)  # type: ignore[arg-type]


def test_numbers_that_only_look_mixed_up_can_be_used() -> None:
    assert from_numbers({("fog", 1): 0.3, ("fog", 5): 0.6}, values="accuracy", as_given=True).accuracy["fog"][5] == 0.6


def test_tables_that_cannot_be_read() -> None:
    with pytest.raises(UsageError, match="be corruption, severity, and one of accuracy and error"):
        from_frame(pd.DataFrame({"corruption": ["fog"], "severity": [1]}))
    twice = pd.DataFrame({"corruption": ["fog"] * 2, "severity": [1, 1], "error": [0.1, 0.2]})
    with pytest.raises(UsageError, match="has fog at severity 1 twice"):
        from_frame(twice)
    with pytest.raises(UsageError, match="must contain {corruption} and {severity}"):
        from_row({"a": 1.0}, "a", values="accuracy")
    with pytest.raises(UsageError, match=r"No column matches 'c.{corruption}.{severity}'. Columns: a"):
        from_row({"a": 1.0}, "c.{corruption}.{severity}", values="accuracy")
    with pytest.raises(UsageError, match="The 'clean' of a corruption table must be a column of the row"):
        from_row({"fog1": 0.5}, "{corruption}{severity}", values="accuracy", clean="val")
    with pytest.raises(UsageError, match="The 'accuracy of fog at severity 1' .* be a share"):
        CorruptionTable({"fog": {1: 30.0}})
